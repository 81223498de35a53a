import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chmodSync, chownSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { suspend } from "../../co/mod.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { DatabaseError } from "../errors.ts";
import { type Outcome, type TestClient, tryConnect, withConnection } from "./connections.fixture.ts";

/** How long a program that makes the server may take. */
const LIMIT_MS = 60_000;

let server: OwnServer;
before(async () => (server = await startOwnServer()));
after(() => server.stop());

function url(host: string, search: string): string {
  return `postgres://lunet@${host}:${server.port}/postgres${search}`;
}

function withRoot(): string {
  return `?sslmode=verify-full&sslrootcert=${encodeURIComponent(join(server.folder, "server.crt"))}`;
}

async function refusal(address: string): Promise<DatabaseError> {
  const outcome = await tryConnect(address);
  assert(outcome instanceof DatabaseError, "found a connection, wanted none");
  return outcome;
}

/** Cancels a statement that would run for long. */
async function assertCancels(client: TestClient): Promise<void> {
  const slow = suspend<Outcome>("slow", (resume) => {
    client.start("select 1, pg_sleep(50)", [], resume);
    return undefined;
  });
  // A cancel that comes before the statement has begun is dropped, so it is sent until one hits.
  let isOver = false;
  const outcome = slow.then((value) => {
    isOver = true;
    return value;
  });
  while (!isOver) assert.equal(await client.cancel(), undefined);
  assert.equal(((await outcome) as DatabaseError).code, "ERR_DB_STATEMENT_CANCELLED");
  assert.equal(await client.ping(), undefined);
  assert.deepEqual(await client.rows("select 1"), [[1]]);
}

coroutineTest("a certificate that is trusted and names the host is accepted, and cancels go the same way", async () => {
  await withConnection(url("localhost", withRoot()), {}, async (client) => {
    assert.deepEqual(await client.rows("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), [[true]]);
    await assertCancels(client);
  });
});

coroutineTest("a certificate of an unknown authority is refused", async () => {
  const refused = await refusal(url("localhost", "?sslmode=verify-full"));
  assert.deepEqual([refused.code, refused.retryable], ["ERR_DB_ACCESS", false]);
  assert.equal((refused.cause as { code?: string }).code, "DEPTH_ZERO_SELF_SIGNED_CERT");
});

coroutineTest("a certificate for another host is refused", async () => {
  const refused = await refusal(url("127.0.0.1", withRoot()));
  assert.equal(refused.code, "ERR_DB_ACCESS");
  assert.equal((refused.cause as { code?: string }).code, "ERR_TLS_CERT_ALTNAME_INVALID");
});

coroutineTest("no-verify takes any certificate, and a server that wants TLS refuses clear text", async () => {
  await withConnection(url("127.0.0.1", "?sslmode=no-verify"), {}, async (client) => {
    assert.deepEqual(await client.rows("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), [[true]]);
  });
  const refused = await refusal(url("127.0.0.1", "?sslmode=disable"));
  assert.deepEqual([refused.code, refused.sqlState], ["ERR_DB_ACCESS", "28000"]);
});

coroutineTest("a file of certificates that is missing is told when the driver is made", async () => {
  await assert.rejects(
    tryConnect(url("localhost", "?sslmode=verify-full&sslrootcert=/nowhere.pem")),
    (error) => error instanceof DatabaseError && error.code === "ERR_DB_OPEN" && error.cause instanceof Error,
  );
});

coroutineTest("a Unix socket is found by its file, cancels too", async () => {
  const socket = encodeURIComponent(join(server.folder, `.s.PGSQL.${server.port}`));
  await withConnection(`postgres://lunet@/postgres?socket=${socket}`, {}, async (client) => {
    assert.deepEqual(await client.rows("select inet_client_addr() is null"), [[true]]);
    await assertCancels(client);
  });
});

/** A PostgreSQL of this file's own, with TLS, on TCP and on a Unix socket. It refuses clear text on TCP. */
interface OwnServer {
  readonly port: number;
  /** Where its data, its socket and its certificate `server.crt` are; the certificate is for `localhost` alone. */
  readonly folder: string;
  stop(): Promise<void>;
}

async function startOwnServer(): Promise<OwnServer> {
  const bin = findPrograms();
  const folder = mkdtempSync(join(tmpdir(), "lunet-pg-"));
  const data = join(folder, "data");
  // PostgreSQL refuses to run as root.
  const account = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  const run = (program: string, args: readonly string[]): unknown =>
    execFileSync(program, args, { cwd: folder, timeout: LIMIT_MS, stdio: "pipe", ...account });
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o755);
  run(join(bin, "initdb"), ["-D", data, "-U", "lunet", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]);
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  run("openssl", [...request, ...names, "-keyout", "server.key", "-out", "server.crt"]);
  const port = await freePort();
  const settings = [`port = ${port}`, "listen_addresses = '127.0.0.1'", `unix_socket_directories = '${folder}'`];
  const tls = ["ssl = on", `ssl_cert_file = '${folder}/server.crt'`, `ssl_key_file = '${folder}/server.key'`];
  const speed = ["fsync = off", "shared_buffers = '16MB'", "max_connections = 20", "lc_messages = 'C'"];
  appendFileSync(join(data, "postgresql.conf"), `${[...settings, ...tls, ...speed].join("\n")}\n`);
  writeFileSync(join(data, "pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 trust\n");
  const child = spawn(join(bin, "postgres"), ["-D", data], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    ...account,
  });
  await waitReady(child);
  return {
    port,
    folder,
    async stop() {
      child.kill("SIGQUIT");
      await once(child, "exit");
    },
  };
}

function idOf(option: "-u" | "-g"): number {
  return Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
}

function findPrograms(): string {
  const root = "/usr/lib/postgresql";
  const version = readdirSync(root).sort((a, b) => Number(b) - Number(a))[0];
  if (version === undefined) throw new Error(`Cannot start a server: found no version in ${root}`);
  return join(root, version, "bin");
}

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, "close");
  return port;
}

async function waitReady(child: ChildProcess): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`Cannot start a server: it ended instead\n${log}`)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (log.includes("ready to accept connections")) resolve();
    });
  });
}
