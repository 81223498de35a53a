import assert from "node:assert/strict";
import { spawn } from "../../co/mod.ts";
import { clockTest } from "../../testing/mod.ts";
import type { DatabaseError } from "../errors.ts";
import { DATABASE_DEFAULTS } from "../open.ts";
import { SQLITE_BINDING } from "../parameters.ts";
import { parseAddress } from "./address.ts";
import { NetworkDatabase } from "./database.ts";
import { DrivenConnection } from "./driven-connection.fixture.ts";

const { network, ...common } = DATABASE_DEFAULTS;

/** A database whose server is the test. What it opens is open at once. */
function drivenDatabase(readOnly: boolean) {
  const connections: DrivenConnection[] = [];
  const database = new NetworkDatabase(
    parseAddress("postgres://u@127.0.0.1/db"),
    { ...common, ...network, shared: 0, readOnly },
    {
      dialect: "postgres",
      connect: (_options, done) => {
        const connection = new DrivenConnection();
        connections.push(connection);
        queueMicrotask(() => done(connection));
        return () => {};
      },
      close: () => {},
    },
    SQLITE_BINDING,
  );
  return { database, connections };
}

clockTest("an idle connection whose server does not close it is ended after a while", async (clock) => {
  const { database, connections } = drivenDatabase(false);
  await database.warm();
  await clock.advance(network.idleTimeoutMs);
  assert.equal(connections[0]?.ended, false);
  await clock.advance(network.cancelTimeoutMs);
  assert.equal(connections[0]?.ended, true);
  await database.close();
});

clockTest("a server that does not answer to what makes a connection read only keeps none open", async (clock) => {
  const { database, connections } = drivenDatabase(true);
  const opening = spawn(async () => {
    try {
      return await database.warm();
    } catch (error) {
      return (error as DatabaseError).code;
    }
  });
  await clock.advance(network.connectTimeoutMs - 1);
  assert.deepEqual([connections[0]?.waiting.length, connections[0]?.ended], [1, false]);
  await clock.advance(1);
  assert.equal(connections[0]?.ended, true);
  database.destroy();
  assert.match(String(await opening.join()), /^ERR_DB_(?:UNAVAILABLE|ACQUIRE_TIMEOUT)$/);
  await clock.settle();
  assert(connections.every(({ ended }) => ended));
});
