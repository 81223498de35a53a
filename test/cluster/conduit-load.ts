/* Conduit, the real program, on a cluster under load: what it answered, and what is stored on each server afterwards. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DatabaseServer, Row } from "../../tools/database-servers/database-server.ts";
import { type AcknowledgedLoad, KINDS, tagsOf } from "../process/acknowledged-load.ts";

export const DATABASE = "conduit";
export const CLIENTS = 16;
/** Of lunet's waits the longest one before a refusal is that for a connection, 5 s; the machine may be busy. */
export const ANSWER_LIMIT_MS = 9_000;

const RECOUNT = fileURLToPath(new URL("../../apps/conduit/src/recount.ts", import.meta.url));

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

/** What was acknowledged is on the server, whole; nothing else than what was sent; and what is kept agrees with what there is. */
export async function assertStored(
  load: AcknowledgedLoad,
  server: DatabaseServer,
  ask: (sql: string) => Promise<readonly Row[]> = (sql) => server.query(sql, DATABASE),
): Promise<void> {
  const column = async (sql: string): Promise<string[]> => (await ask(sql)).map((row) => Object.values(row).join(", "));
  const stored = {
    user: await column("select username from users"),
    article: await column("select title from articles"),
    comment: await column("select body from comments"),
    favorite: await column(`select u.username, a.title from favorites f
      join users u on u.id = f.user_id join articles a on a.id = f.article_id`),
  };
  for (const kind of KINDS) {
    const found = new Set(stored[kind]);
    const missing = [...load.acknowledged[kind].difference(found)];
    assert.deepEqual(missing, [], `${server.name}: a ${kind} was acknowledged and is not there`);
    const own = new Set([...found].filter((name) => name.startsWith(load.prefix)));
    assert.deepEqual(
      [...own.difference(load.sent[kind])],
      [],
      `${server.name}: a ${kind} is there that was never sent`,
    );
  }
  for (const { title, tags } of await ask("select title, tags from articles")) {
    assert.deepEqual(JSON.parse(String(tags)), tagsOf(String(title)));
  }
  const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions"));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...conditions, RECOUNT, "--database-url", server.urlOf(DATABASE)],
    { timeout: 30_000, killSignal: "SIGKILL" },
  );
  assert.equal(stdout, "0 differences\n", server.name);
}
