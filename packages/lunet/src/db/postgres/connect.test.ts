import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suspend, until } from "../../co/mod.ts";
import { clockTest, coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import { DatabaseError } from "../errors.ts";
import { parseAddress } from "../network/address.ts";
import type { NetworkConnection } from "../network/connection.ts";
import { CancelRequests, MAX_CANCELS_AT_ONCE } from "./cancel-request.ts";
import { tryConnect, withConnection } from "./connections.fixture.ts";
import { createPostgresDriver } from "./driver.ts";
import { loadLibrary } from "./library.ts";

const database = realDatabase("postgres");

/** The address of the database with other parts. */
function urlWith(parts: Partial<Pick<URL, "username" | "password" | "pathname" | "port" | "search">>): string {
  return Object.assign(new URL(database.url), parts).href;
}

async function refusal(url: string, settings: Parameters<typeof tryConnect>[1] = {}): Promise<DatabaseError> {
  const outcome = await tryConnect(url, settings);
  assert(outcome instanceof DatabaseError, "found a connection, wanted none");
  return outcome;
}

/** A server of which each connection is treated by `serve`. */
async function withServer(serve: (socket: Socket) => void, body: (url: string) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await until(once(server, "listening"));
  try {
    await body(`postgres://ada@127.0.0.1:${(server.address() as AddressInfo).port}/x`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await until(once(server, "close"));
  }
}

coroutineTest("what the server refuses is an error of access, with its SQLSTATE", async () => {
  const wrong = await refusal(urlWith({ password: "secret-of-ada" }));
  assert.deepEqual([wrong.code, wrong.sqlState, wrong.retryable], ["ERR_DB_ACCESS", "28P01", false]);
  assert.doesNotMatch(wrong.message, /secret-of-ada/);
  assert.equal((await refusal(urlWith({ password: "" }))).code, "ERR_DB_ACCESS");
  assert.equal((await refusal(urlWith({ username: "nobody-at-all" }))).code, "ERR_DB_ACCESS");
  const unknown = await refusal(urlWith({ pathname: "/nowhere" }));
  assert.deepEqual([unknown.code, unknown.sqlState], ["ERR_DB_ACCESS", "3D000"]);
  const encrypted = await refusal(urlWith({ search: "?sslmode=no-verify" }));
  assert.equal(encrypted.code, "ERR_DB_ACCESS");
  assert(encrypted.cause instanceof Error);
});

coroutineTest("a server that is not there, or ends at once, is unavailable", async () => {
  let freed = "";
  await withServer(
    (socket) => socket.destroy(),
    async (url) => {
      freed = url;
      const ended = await refusal(url);
      assert.deepEqual([ended.code, ended.retryable], ["ERR_DB_UNAVAILABLE", true]);
    },
  );
  const missing = await refusal(freed);
  assert.equal(missing.code, "ERR_DB_UNAVAILABLE");
  assert.equal((missing.cause as { code?: string }).code, "ECONNREFUSED");
});

coroutineTest("a demand for Kerberos is an error of access, and nothing reaches the process", async () => {
  await withServer(
    (socket) => socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 7])),
    async (url) => assert.equal((await refusal(url)).code, "ERR_DB_ACCESS"),
  );
});

coroutineTest("a server that is full is unavailable", async () => {
  const words = "SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
  await withServer(
    (socket) => {
      const bytes = Buffer.concat([Buffer.from("E\0\0\0\0"), Buffer.from(words)]);
      bytes.writeUInt32BE(bytes.length - 1, 1);
      socket.end(bytes);
    },
    async (url) => {
      const { code, sqlState } = await refusal(url);
      assert.deepEqual([code, sqlState], ["ERR_DB_UNAVAILABLE", "53300"]);
    },
  );
});

clockTest("a server that does not answer is given up after timeoutMs, log-in and questions included", async (clock) => {
  await withServer(
    () => {},
    async (url) => {
      const { hosts, ...address } = parseAddress(url);
      const driver = await createPostgresDriver(
        { hosts, ...address },
        { statementCacheSize: 2, maxRows: 1, connectTimeoutMs: 700 },
      );
      const outcomes: (NetworkConnection | DatabaseError)[] = [];
      const options = { host: hosts[0]!, isShared: false, needsWrites: true };
      driver.connect({ ...options, timeoutMs: 500 }, (outcome) => outcomes.push(outcome));
      await clock.advance(499);
      assert.equal(outcomes.length, 0);
      await clock.advance(1);
      assert.equal((outcomes[0] as DatabaseError).code, "ERR_DB_UNAVAILABLE");

      const giveUp = driver.connect({ ...options, timeoutMs: 500 }, (outcome) => outcomes.push(outcome));
      giveUp();
      assert.equal(outcomes.length, 1);
      await clock.settle();
      assert.equal((outcomes[1] as DatabaseError).code, "ERR_DB_UNAVAILABLE");
      await clock.advance(1_000);
      assert.equal(outcomes.length, 2);
    },
  );
});

coroutineTest("a server that takes no writes is refused where they are needed", async () => {
  await database.administer(`alter database ${database.name} set default_transaction_read_only = on`);
  try {
    const refused = await refusal(database.url, { needsWrites: true });
    assert.equal(refused.code, "ERR_DB_UNAVAILABLE");
    assert.match(refused.message, /standby/);
    await withConnection(database.url, {}, async (client) => {
      assert.deepEqual(await client.rows("select 1"), [[1]]);
      assert.equal((await client.failure("create table x (a int)")).code, "ERR_DB_READ_ONLY");
    });
  } finally {
    await database.administer(
      `begin read write; alter database ${database.name} reset default_transaction_read_only; commit`,
    );
  }
  await withConnection(database.url, { needsWrites: true }, async (client) => {
    assert.deepEqual(await client.rows("select 1"), [[1]]);
  });
});

/** What libpq and `pg` would read. */
const ENVIRONMENT = {
  PGHOST: "203.0.113.1",
  PGPORT: "1",
  PGUSER: "nobody-at-all",
  PGDATABASE: "nowhere",
  PGOPTIONS: "-c search_path=nowhere",
  PGAPPNAME: "other",
  PGSSLMODE: "require",
  PGSSLNEGOTIATION: "direct",
  PGREPLICATION: "database",
  PGCLIENT_ENCODING: "LATIN1",
  PGTZ: "Asia/Kolkata",
};

coroutineTest("the address alone says where and how to connect, and no variable of the environment", async () => {
  const passwords = join(tmpdir(), `lunet-pgpass-${process.pid}`);
  const { hostname, port, username, password } = new URL(database.url);
  writeFileSync(passwords, `${hostname}:${port}:*:${username}:${password}\n`, { mode: 0o600 });
  const before = { ...process.env };
  Object.assign(process.env, ENVIRONMENT, { PGPASSFILE: passwords, PGPASSWORD: decodeURIComponent(password) });
  try {
    await withConnection(database.url, {}, async (client) => {
      const [[application, path, user, name, zone]] = (await client.rows(
        "select current_setting('application_name'), current_setting('search_path'), current_user, current_database(), current_setting('timezone')",
      )) as [string[]];
      assert.deepEqual(
        [application, path, user, name, zone],
        ["lunet", '"$user", public', username, database.name, "UTC"],
      );
    });
    // No password is no password, though there are two that would do.
    assert.equal((await refusal(urlWith({ password: "" }))).code, "ERR_DB_ACCESS");
    delete process.env["PGPASSWORD"];
    assert.equal((await refusal(urlWith({ password: "" }))).code, "ERR_DB_ACCESS");
  } finally {
    for (const variable of [...Object.keys(ENVIRONMENT), "PGPASSFILE", "PGPASSWORD"]) {
      if (before[variable] === undefined) delete process.env[variable];
      else process.env[variable] = before[variable];
    }
  }
});

/** Sends ten cancels to the server at `url`, and gives what became of them. */
async function sendTen(url: string, cancels: CancelRequests): Promise<unknown[]> {
  const server = { host: "127.0.0.1", port: Number(new URL(url).port), tls: false, name: "x" } as const;
  const codes: unknown[] = [];
  await suspend<void>("cancels", (resume) => {
    for (let i = 0; i < 10; i++) {
      cancels.send(server, { processId: 1, secretKey: 2 }, (failure) => {
        codes.push(failure?.code);
        if (codes.length === 10) resume();
      });
    }
    return undefined;
  });
  return codes;
}

coroutineTest("cancels wait for each other, and all are sent", async () => {
  await withServer(
    (socket) => socket.once("data", () => socket.end()),
    async (url) => {
      const codes = await sendTen(url, new CancelRequests(await loadLibrary(), 5_000));
      assert.deepEqual(codes, Array(10).fill(undefined));
    },
  );
});

coroutineTest(
  "no more than four cancels are under way at once, and close() gives up all, those that wait too",
  async () => {
    const cancels = new CancelRequests(await loadLibrary(), 5_000);
    let accepted = 0;
    await withServer(
      (socket) => {
        accepted++;
        // Connections are accepted in the order in which they come: when the probe is there a fifth would be.
        socket.once("data", (bytes) => {
          if (bytes.toString() === "probe") cancels.close();
        });
      },
      async (url) => {
        const codes = sendTen(url, cancels);
        const probe = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => {});
        probe.write("probe");
        assert.deepEqual(await codes, Array(10).fill("ERR_DB_UNAVAILABLE"));
        assert.equal(accepted, MAX_CANCELS_AT_ONCE + 1);
        probe.destroy();
      },
    );
  },
);

coroutineTest("where TLS is wanted the secret of a cancel is not sent to a server that has none", async () => {
  const received: Buffer[] = [];
  await withServer(
    (socket) => {
      socket.on("data", (bytes: Buffer) => {
        received.push(bytes);
        socket.write("N");
      });
    },
    async (url) => {
      const cancels = new CancelRequests(await loadLibrary(), 5_000);
      const server = {
        host: "127.0.0.1",
        port: Number(new URL(url).port),
        tls: { rejectUnauthorized: false },
        name: "x",
      };
      const failure = await suspend<DatabaseError | undefined>("cancel", (resume) => {
        cancels.send(server, { processId: 1, secretKey: 2 }, resume);
        return undefined;
      });
      assert.equal(failure?.code, "ERR_DB_UNAVAILABLE");
    },
  );
  // SSLRequest and nothing more.
  assert.deepEqual(Buffer.concat(received), Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
});
