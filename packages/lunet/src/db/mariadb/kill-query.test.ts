/** Where a kill goes, with connections in name alone: two servers behind one address cannot be had at will. */
import assert from "node:assert/strict";
import { coroutineTest } from "../../testing/mod.ts";
import { suspend } from "../../co/mod.ts";
import type { DatabaseError } from "../errors.ts";
import type { NetworkConnection } from "../network/connection.ts";
import { QueryKiller, type ServerIdentity } from "./kill-query.ts";

const here: ServerIdentity = { name: "db1 3306 1", startedS: 1_700_000_000 };

/** A killer whose connection leads to `server`; what is asked of it is noted. */
function killerOn(server: ServerIdentity): { readonly killer: QueryKiller; readonly asked: string[] } {
  const asked: string[] = [];
  const connection = {
    server,
    ended: false,
    control(sql: string, done: (failure: undefined) => void): void {
      asked.push(sql);
      queueMicrotask(() => done(undefined));
    },
    destroy(): void {
      asked.push("destroy");
    },
  };
  const open = (done: (opened: NetworkConnection & { readonly server: ServerIdentity }) => void): (() => void) => {
    queueMicrotask(() => done(connection as never));
    return () => {};
  };
  return { killer: new QueryKiller(open, 1_000), asked };
}

const kill = (killer: QueryKiller, server: ServerIdentity): Promise<DatabaseError | undefined> =>
  suspend("kill", (resume) => {
    killer.kill(42, server, resume);
    return undefined;
  });

coroutineTest("a kill goes to the server that runs the statement", async () => {
  const { killer, asked } = killerOn({ ...here, startedS: here.startedS + 2 });
  assert.equal(await kill(killer, here), undefined);
  assert.deepEqual(asked, ["kill query 42"]);
  killer.close();
});

coroutineTest("another server at the same address, or the same one started again, is sent no kill", async () => {
  for (const other of [
    { ...here, name: "db2 3306 2" },
    { ...here, startedS: here.startedS + 3 },
  ]) {
    const { killer, asked } = killerOn(other);
    const failure = await kill(killer, here);
    assert.equal(failure?.code, "ERR_DB_UNAVAILABLE");
    assert.deepEqual(asked, ["destroy"]);
  }
});
