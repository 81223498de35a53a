/** kill -9 in the middle of a load: what was acknowledged is there after the restart, and the database is whole. */
import { test } from "node:test";
import { Conduit, JWT_SECRET } from "../../apps/conduit/test/harness.ts";
import { createClients, type LoadClient } from "./load-client.ts";
import { recount } from "./recount.ts";

const CLIENTS = 20;
const ROUNDS = 3;
/** What a client sees when the server is gone. */
const LOST = new Set(["ECONNRESET", "ECONNREFUSED", "EPIPE"]);
/** Acknowledged steps of all clients together before the process is killed, in each round. */
const STEPS_UNTIL_KILL = 150;
const SEED = Number(process.env["CONDUIT_LOAD_SEED"] ?? Date.now() % 1_000_000);

test(`everything acknowledged survives kill -9, ${ROUNDS} times in a row`, async (t) => {
  t.diagnostic(`CONDUIT_LOAD_SEED=${SEED}`);
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const clients = await createClients([conduit], CLIENTS, SEED);

  for (let round = 0; round < ROUNDS; round += 1) {
    await loadUntilKilled(conduit, clients);
    const inDoubt = clients.filter((client) => client.inDoubt !== undefined).length;
    t.diagnostic(`round ${round}: ${inDoubt} writes in doubt`);
    await conduit.restart();
    for (const client of clients) client.disconnect();
    for (const client of clients) await client.verify();
    recount(conduit.databasePath);
    for (const client of clients) await client.learn();
  }
  for (const client of clients) client.disconnect();
  await conduit.stop();
});

/** Lets the clients go on until enough has been acknowledged, and kills the process while all of them are at work. */
async function loadUntilKilled(conduit: Conduit, clients: readonly LoadClient[]): Promise<void> {
  let steps = 0;
  let killed: Promise<void> | undefined;
  const outcomes = await Promise.allSettled(
    clients.map(async (client) => {
      while (true) {
        await client.step();
        steps += 1;
        if (steps === STEPS_UNTIL_KILL) killed = conduit.kill9();
      }
    }),
  );
  await killed;
  for (const outcome of outcomes) {
    // Nothing but the loss of the connection may end a client.
    if (outcome.status === "rejected" && !LOST.has(outcome.reason?.cause?.code)) throw outcome.reason;
  }
}
