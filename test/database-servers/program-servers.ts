/*
 * Database servers of a test's own, for tests that kill, suspend or restart one:
 *
 *   await using servers = await programServers();
 *   const postgres = await servers.startPostgres({ durable: true });
 *   … postgres.url … await postgres.kill9(); await postgres.start(); …
 *
 * What a test can do with the servers of the run, it does with those (lunet's testing/real-databases.ts): a server takes a
 * tenth of a second to a second.
 */
import { mkdirSync, mkdtempSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Purpose } from "../../tools/database-servers/install.ts";
import { ServerRun } from "../../tools/database-servers/server-run.ts";

const root = resolve(import.meta.dirname, "../..");

/**
 * Begins a run of servers of the test's own; all of them end with it, and with the test's process at the latest. Their
 * logs go into a folder of the run's logs that has the name of the test file. For the purpose `cluster` it
 * sees that the programs of clusters are there, too.
 */
export async function programServers(purpose: Purpose = "server"): Promise<ServerRun> {
  const logs = process.env["LUNET_TEST_LOGS"] ?? join(root, ".tmp", "logs");
  mkdirSync(logs, { recursive: true });
  const name = basename(process.argv[1] ?? "servers", ".ts");
  return await ServerRun.open({ root, logs: mkdtempSync(join(logs, `${name}-`)), purpose });
}
