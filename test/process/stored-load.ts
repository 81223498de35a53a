/** What is stored after a load, held against what its clients sent and what was acknowledged. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type AcknowledgedLoad, KINDS, tagsOf } from "./acknowledged-load.ts";

const RECOUNT = fileURLToPath(new URL("../../apps/conduit/src/recount.ts", import.meta.url));
const RECOUNT_LIMIT_MS = 30_000;

/** Where to look. */
export interface Store {
  /** For messages. */
  readonly name: string;
  readonly url: string;
  readonly ask: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Everything acknowledged is stored, once and whole; nothing is that was never sent; what is kept agrees with what there is. */
export async function assertStored(load: AcknowledgedLoad, { name, url, ask }: Store): Promise<void> {
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
    assert.equal(found.size, stored[kind].length, `${name}: a ${kind} is there twice`);
    const missing = [...load.acknowledged[kind].difference(found)];
    assert.deepEqual(missing, [], `${name}: a ${kind} was acknowledged and is not there`);
    const own = new Set([...found].filter((one) => one.startsWith(load.prefix)));
    assert.deepEqual([...own.difference(load.sent[kind])], [], `${name}: a ${kind} is there that was never sent`);
  }
  for (const { title, tags, body } of await ask("select title, tags, body from articles")) {
    assert.deepEqual(JSON.parse(String(tags)), tagsOf(String(title)));
    assert.equal(body, `body of ${String(title)}`);
  }
  const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions"));
  const { stdout } = await promisify(execFile)(process.execPath, [...conditions, RECOUNT], {
    // A password does not belong on a command line, where every process sees it.
    env: { ...process.env, DATABASE_URL: url },
    timeout: RECOUNT_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  assert.equal(stdout, "0 differences\n", name);
}
