import assert from "node:assert/strict";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { suspend } from "../../co/mod.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import { DatabaseError } from "../errors.ts";
import { parseAddress } from "../network/address.ts";
import type { NetworkConnection } from "../network/connection.ts";
import { rows, withConnection, withDriver } from "./connection.fixture.ts";

const database = realDatabase("mariadb");

/** The address of the database with something else in it. */
function changed(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
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

coroutineTest("a session is strict, in UTC, commits by itself and reads what is committed", async () => {
  await withConnection(database.url, async (connection) => {
    const [session] = await rows(
      connection,
      "select @@sql_mode, @@time_zone, @@autocommit, @@tx_isolation, @@collation_connection, @@character_set_client",
    );
    assert.deepEqual(session, [
      "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
      "+00:00",
      1,
      "READ-COMMITTED",
      "utf8mb4_bin",
      "utf8mb4",
    ]);
  });
});

coroutineTest("connects over a socket file", async () => {
  const [{ socket } = {}] = await database.administer(
    "select concat(if(@@socket like '/%', '', @@datadir), @@socket) as socket",
  );
  const url = changed((address) => address.searchParams.set("socket", String(socket))).replace(/@[^/]+\//, "@/");
  // Its only account there is root's, by the name of the process's user. That it is refused comes from the server.
  assert.equal((await refusal(url)).code, "ERR_DB_ACCESS");
});

coroutineTest("a wrong password and a database that is not there are refusals", async () => {
  const wrongPassword = await refusal(changed((url) => (url.password = "wrong-secret")));
  assert.equal(wrongPassword.code, "ERR_DB_ACCESS");
  assert.equal(wrongPassword.retryable, false);
  assert.doesNotMatch(wrongPassword.message, /wrong-secret/);
  assert.equal((await refusal(changed((url) => (url.pathname = "/lunet_nowhere")))).code, "ERR_DB_ACCESS");
  assert.equal((await refusal(changed((url) => (url.username = "nobody")))).code, "ERR_DB_ACCESS");
});

coroutineTest("a server that offers no TLS is a refusal where TLS was asked for", async () => {
  for (const mode of ["verify-full", "no-verify"]) {
    assert.equal((await refusal(changed((url) => url.searchParams.set("sslmode", mode)))).code, "ERR_DB_ACCESS");
  }
});

coroutineTest("a server that is not there is unavailable", async () => {
  const error = await refusal(changed((url) => (url.port = "1")));
  assert.deepEqual([error.code, error.retryable], ["ERR_DB_UNAVAILABLE", true]);
  assert.ok(error.cause instanceof Error);
});

coroutineTest("a server that says nothing is given up after the time limit, or before", async () => {
  const sockets: { destroy(): unknown }[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  await suspend<void>("listen", (resume) => void server.listen(0, "127.0.0.1", resume));
  try {
    const { port } = server.address() as AddressInfo;
    const url = changed((address) => (address.port = String(port)));
    assert.equal((await refusal(url, { timeoutMs: 50 })).code, "ERR_DB_UNAVAILABLE");
    const [host] = parseAddress(url).hosts;
    assert.ok(host !== undefined);
    await withDriver(url, async ({ driver }) => {
      const outcome = await suspend<NetworkConnection | DatabaseError>("connect", (resume) => {
        const giveUp = driver.connect({ host, isShared: false, needsWrites: false, timeoutMs: 60_000 }, resume);
        giveUp();
        return undefined;
      });
      assert.ok(outcome instanceof DatabaseError && outcome.code === "ERR_DB_UNAVAILABLE");
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await suspend<void>("close", (resume) => void server.close(() => resume()));
  }
});

coroutineTest("an answer that makes no sense is an error of its connection, and none of the process", async () => {
  const { hostname, port } = new URL(database.url);
  // The length of what follows, and the collation of a number: turned into a text of a collation that there is not.
  const known = Buffer.from([0x0c, 0x3f, 0x00]);
  const garbled = createServer((client) => {
    const server = createConnection(Number(port), hostname);
    client.pipe(server);
    server.on("data", (bytes: Buffer) => {
      const at = bytes.indexOf(known);
      if (at !== -1) {
        bytes.writeUInt16LE(0x7fff, at + 1);
        bytes[at + 7] = 0xfd;
      }
      client.write(bytes);
    });
    for (const end of [client, server])
      end.on("error", () => {}).on("close", () => (client.destroy(), server.destroy()));
  });
  await suspend<void>("listen", (resume) => void garbled.listen(0, "127.0.0.1", resume));
  const url = changed((address) => {
    address.hostname = "127.0.0.1";
    address.port = String((garbled.address() as AddressInfo).port);
  });
  try {
    assert.equal((await refusal(url)).code, "ERR_DB_UNAVAILABLE");
  } finally {
    await suspend<void>("close", (resume) => void garbled.close(() => resume()));
  }
});
