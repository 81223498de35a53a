/*
 * Conduit on a PostgreSQL with a synchronous standby, both in its DATABASE_URL, while the primary is killed and the standby
 * promoted: each request is answered as it should be, or with 503 and `Retry-After`, and Conduit goes on without being
 * restarted.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { conduitForFile } from "../../apps/conduit/test/harness.ts";
import { startPostgresPair } from "../../tools/database-servers/postgres-standby.ts";
import { programServers } from "../database-servers/program-servers.ts";
import { AcknowledgedLoad } from "../process/acknowledged-load.ts";
import { createRandom } from "../process/load-client.ts";
import { ANSWER_LIMIT_MS, assertStoredOn, CLIENTS, DATABASE, describeLoad, longestPauseMs } from "./conduit-load.ts";

const TIMEOUT_MS = 90_000;
const MAX_PAUSE_MS = 10_000;
/** For how long there is no primary before the standby is promoted. */
const WITHOUT_PRIMARY_MS = 1_000;
/** Acknowledged writes before and after the failover. */
const WRITES = 150;
const SEED = Number(process.env["CONDUIT_LOAD_SEED"] ?? Date.now() % 1_000_000);

const servers = await programServers("cluster");
after(async () => await servers.close(), { timeout: TIMEOUT_MS });
const pair = await startPostgresPair(servers, { commit: "remote_apply" });
await pair.primary.query(`create database ${DATABASE}`);
const conduit = await conduitForFile({
  env: { DATABASE_URL: pair.urlOf(DATABASE), LOG_LEVEL: "error", LUNET_TRACE_HELD_MS: "60000" },
});

// Twice: the second time back to where Conduit began.
for (const round of [1, 2]) {
  test(
    `the primary is killed under load and the standby promoted, time ${round}`,
    { timeout: TIMEOUT_MS },
    async () => {
      console.log(`CONDUIT_LOAD_SEED=${SEED}`);
      await using load = new AcknowledgedLoad(conduit, `k${round}-`, ANSWER_LIMIT_MS, createRandom(SEED + round));
      await load.start(CLIENTS);
      await load.until(() => load.additions >= WRITES);
      const killedMs = performance.now();
      await pair.primary.kill9();
      await sleep(WITHOUT_PRIMARY_MS);
      assert.equal((await conduit.send("GET", "/readyz")).status, 503);
      await pair.promote();
      const before = load.additions;
      await load.until(() => load.additions >= before + WRITES);
      await pair.rejoin();
      const joined = load.additions;
      await load.until(() => load.additions >= joined + WRITES);
      await load.end();
      const pauseMs = longestPauseMs(load, killedMs);
      console.log(`kill -9 of the primary: no write for ${pauseMs} ms; ${describeLoad(load)}`);
      assert.ok(pauseMs < MAX_PAUSE_MS, `found ${pauseMs} ms`);
      assert.equal((await conduit.request("GET", "/readyz")).status, 200);
      for (const server of [pair.primary, pair.standby]) await assertStoredOn(load, server);
    },
  );
}
