/* Conduit, the real program, on a cluster under load: what it answered, and what is stored on each server afterwards. */
import type { DatabaseServer, Row } from "../../tools/database-servers/database-server.ts";
import type { AcknowledgedLoad } from "../process/acknowledged-load.ts";
import { assertStored } from "../process/stored-load.ts";

export const DATABASE = "conduit";
export const CLIENTS = 16;
/** Of lunet's waits the longest one before a refusal is that for a connection, 5 s; the machine may be busy. */
export const ANSWER_LIMIT_MS = 9_000;

/** The longest time from `sinceMs` on in which no write was acknowledged. */
export function longestPauseMs(load: AcknowledgedLoad, sinceMs: number): number {
  const times = load.asked
    .filter(({ what, isRefused, answeredMs }) => what.startsWith("POST") && !isRefused && answeredMs >= sinceMs)
    .map(({ answeredMs }) => answeredMs);
  const starts = [sinceMs, ...times.toSorted((one, other) => one - other)];
  return Math.round(Math.max(...starts.slice(1).map((atMs, index) => atMs - starts[index]!)));
}

/** For the log. */
export function describeLoad({ asked, refusals, additions }: AcknowledgedLoad): string {
  const slowestMs = Math.max(...asked.map(({ sentMs, answeredMs }) => answeredMs - sentMs));
  return `${asked.length} requests, ${refusals.length} answered 503, ${additions} acknowledged writes, slowest ${Math.round(slowestMs)} ms`;
}

/** As `assertStored` of a load, on one server of a cluster. */
export async function assertStoredOn(
  load: AcknowledgedLoad,
  server: DatabaseServer,
  ask: (sql: string) => Promise<readonly Row[]> = (sql) => server.query(sql, DATABASE),
): Promise<void> {
  await assertStored(load, { name: server.name, url: server.urlOf(DATABASE), ask });
}
