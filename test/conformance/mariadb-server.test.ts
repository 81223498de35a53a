/** The MariaDB driver on a server of its own: what is changed for all of it, TLS, and its end. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { programServers } from "../database-servers/program-servers.ts";
import { spawn, until } from "../../packages/lunet/src/co/mod.ts";
import { coroutineTest } from "../../packages/lunet/src/testing/mod.ts";
import { DatabaseError } from "../../packages/lunet/src/db/errors.ts";
import {
  cancel,
  control,
  failure,
  outcomeOf,
  ping,
  result,
  rows,
  withConnection,
  withDriver,
} from "../../packages/lunet/src/db/mariadb/connection.fixture.ts";

type Servers = Awaited<ReturnType<typeof programServers>>;
type Server = Awaited<ReturnType<Servers["startMariadb"]>>;

const TIMEOUT_MS = 30_000;

/** Certificates that live for a day: an authority, what it signed for 127.0.0.1 and for another name. */
const folder = mkdtempSync(join(tmpdir(), "lunet-certificates-"));
const authority = join(folder, "authority.pem");

let servers: Servers;
let server: Server;

function makeCertificates(): void {
  const openssl = (...args: string[]): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: "ignore", timeout: TIMEOUT_MS });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  openssl("req", "-x509", ...key, "-subj", "/CN=authority", "-keyout", "authority.key", "-out", "authority.pem");
  const signed = ["-CA", "authority.pem", "-CAkey", "authority.key", "-addext", "subjectAltName=IP:127.0.0.1"];
  openssl("req", "-x509", ...key, ...signed, "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.pem");
  chmodSync(folder, 0o755);
  chmodSync(join(folder, "server.key"), 0o644);
}

before(
  async () => {
    makeCertificates();
    servers = await programServers();
    server = await servers.startMariadb({
      settings: [
        `--ssl-cert=${join(folder, "server.pem")}`,
        `--ssl-key=${join(folder, "server.key")}`,
        `--ssl-ca=${authority}`,
        "--innodb-rollback-on-timeout=1",
      ],
    });
    await server.query("create database lunet_own");
  },
  { timeout: TIMEOUT_MS },
);

after(async () => {
  await servers.close();
  rmSync(folder, { recursive: true });
});

function urlOf(options: Record<string, string> = {}, host = "127.0.0.1"): string {
  const url = new URL(server.urlOf("lunet_own"));
  url.hostname = host;
  for (const [name, value] of Object.entries(options)) url.searchParams.set(name, value);
  return url.href;
}

async function refusal(url: string, options = {}): Promise<DatabaseError> {
  try {
    await withDriver(url, async ({ connect }) => await connect(options));
  } catch (error) {
    assert.ok(error instanceof DatabaseError, String(error));
    return error;
  }
  throw new Error("found no refusal");
}

coroutineTest("makes room where the server prepares no more statements, and never runs another one", async () => {
  await withConnection(urlOf(), async (connection) => {
    await result(connection, "create or replace table counted (n int)");
    for (let i = 0; i < 10; i++) await rows(connection, `select ${i}`);
    await result(connection, "insert into counted values (?)", [1]);
    await until(server.query("set global max_prepared_stmt_count = 1"));
    try {
      assert.deepEqual(await rows(connection, "select ? + 1", [1]), [[2]]);
      assert.deepEqual(await rows(connection, "select ? + 2", [1]), [[3]]);
      await until(server.query("set global max_prepared_stmt_count = 0"));
      const error = await failure(connection, "select ? + 3", [1]);
      assert.deepEqual([error.code, error.retryable], ["ERR_DB_UNAVAILABLE", true]);
    } finally {
      await until(server.query("set global max_prepared_stmt_count = 16382"));
    }
    assert.deepEqual(await rows(connection, "select n from counted"), [[1]]);
  });
});

coroutineTest("a server that only reads is refused where writes are wanted", async () => {
  await until(server.query("set global read_only = 1"));
  try {
    await withConnection(urlOf(), async (connection) => {
      assert.deepEqual(await rows(connection, "select 1"), [[1]]);
    });
    const error = await refusal(urlOf(), { needsWrites: true });
    assert.deepEqual([error.code, error.retryable], ["ERR_DB_UNAVAILABLE", true]);
  } finally {
    await until(server.query("set global read_only = 0"));
  }
  await withDriver(urlOf(), async ({ connect }) => await connect({ needsWrites: true }));
});

coroutineTest("a lock that does not come fails the transaction, where the server is told to roll it back", async () => {
  await withDriver(urlOf(), async ({ connect }) => {
    const one = await connect();
    const other = await connect();
    await result(one, "create or replace table account (id int primary key, balance int)");
    await result(one, "insert into account values (1, 10), (2, 20)");
    await control(one, "set innodb_lock_wait_timeout = 0");
    await control(one, "start transaction");
    await result(one, "update account set balance = 21 where id = 2");
    await control(other, "start transaction");
    await result(other, "update account set balance = 1 where id = 1");
    assert.equal((await failure(one, "update account set balance = 2 where id = 1")).code, "ERR_DB_BUSY");
    assert.equal(one.transaction, "failed");
    await control(other, "rollback");
    await control(one, "rollback");
    assert.deepEqual(await rows(one, "select balance from account where id = 2"), [[20]]);
  });
});

coroutineTest("checks the certificate of the server: who signed it, and for whom", async () => {
  const cipher = "show session status like 'Ssl_cipher'";
  await withConnection(urlOf({ sslmode: "verify-full", sslrootcert: authority }), async (connection) => {
    assert.notEqual((await rows(connection, cipher))[0]?.[1], "");
    assert.deepEqual(await rows(connection, "select ?", [1]), [[1]]);
    // The connection for cancels is encrypted as well.
    const running = spawn(() => outcomeOf(connection, "select sleep(20)"));
    assert.equal(await cancel(connection), undefined);
    connection.destroy();
    assert.ok((await running.join()) instanceof DatabaseError);
  });
  await withConnection(urlOf({ sslmode: "no-verify" }), async (connection) => {
    assert.notEqual((await rows(connection, cipher))[0]?.[1], "");
    assert.equal(await ping(connection), undefined);
  });
  const unsigned = await refusal(urlOf({ sslmode: "verify-full" }));
  assert.equal(unsigned.code, "ERR_DB_ACCESS");
  assert.match(unsigned.message, /certificate/);
  const elsewhere = await refusal(urlOf({ sslmode: "verify-full", sslrootcert: authority }, "localhost"));
  assert.equal(elsewhere.code, "ERR_DB_ACCESS");
  assert.match(elsewhere.message, /altnames/);
});

coroutineTest("certificates that are not there are told when the driver is made", async () => {
  const error = await refusal(urlOf({ sslmode: "verify-full", sslrootcert: join(folder, "missing.pem") }));
  assert.equal(error.code, "ERR_DB_OPEN");
});

coroutineTest(
  "a server that is killed is noticed by those that wait and those that do not",
  async () => {
    await withDriver(urlOf(), async ({ connect }) => {
      const busy = await connect();
      const idle = await connect();
      const running = spawn(() => failure(busy, "select sleep(20)"));
      await ping(idle);
      await until(server.kill9());
      assert.equal((await running.join()).code, "ERR_DB_CONNECTION_LOST");
      assert.equal((await failure(idle, "select 1")).code, "ERR_DB_CONNECTION_LOST");
      assert.ok(busy.ended && idle.ended);
    });
    assert.equal((await refusal(urlOf())).code, "ERR_DB_UNAVAILABLE");
  },
  { timeoutMs: TIMEOUT_MS },
);
