import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "lunet";
import { open, type Database } from "lunet/db";
import { json, text, type Reply } from "lunet/http";
import { requestInProcess } from "lunet/testing";
import { KeptAnswers } from "./kept-answers.ts";

/** Runs `body` with a database and an `ask` that counts how often an answer was made anew. */
async function withKept(
  maxBytes: number,
  body: (ask: (target: string) => Promise<string>, database: Database, made: () => number) => Promise<void>,
  makeReply: (count: number) => Reply = (count) => text(`answer ${count}`),
): Promise<void> {
  const file = join(await mkdtemp(join(tmpdir(), "conduit-kept-")), "test.db");
  let failure: unknown;
  await run(
    async () => {
      await using database = await open(`sqlite:${file}`);
      await database.exec("create table t (a integer)");
      const kept = new KeptAnswers(database, maxBytes);
      let count = 0;
      const handler = (request: Parameters<KeptAnswers["answer"]>[0]): Reply | Promise<Reply> =>
        kept.answer(request, async () => makeReply(++count));
      const ask = async (target: string): Promise<string> =>
        (await requestInProcess(handler, { method: "GET", path: target })).text();
      await body(ask, database, () => count);
    },
    { setExitStatus: false, onFailure: (_report, error) => (failure = error) },
  );
  assert.ifError(failure);
}

test("an answer is given again until something is written", async () => {
  await withKept(1_000_000, async (ask, database, made) => {
    assert.equal(await ask("/a"), "answer 1");
    assert.equal(await ask("/a"), "answer 1");
    assert.equal(await ask("/b"), "answer 2");
    await database.exec("insert into t values (1)");
    assert.equal(await ask("/a"), "answer 3");
    assert.equal(await ask("/b"), "answer 4");
    assert.equal(made(), 4);
  });
});

test("an answer that was made while something was written is not given to whoever asks afterwards", async () => {
  await withKept(1_000_000, async (ask, database) => {
    await Promise.all([ask("/a"), database.exec("insert into t values (1)")]);
    await database.exec("insert into t values (2)");
    const afterwards = await ask("/a");
    assert.equal(afterwards, "answer 2");
  });
});

test("no more is kept than the bytes that were given", async () => {
  const content = "x".repeat(1_000);
  await withKept(
    // Two answers fit: each has its target, 1,000 characters and the overhead.
    2 * ((2 + 1_000) * 2 + 512),
    async (ask, _database, made) => {
      for (const target of ["/a", "/b", "/c", "/a", "/b", "/c"]) assert.equal(await ask(target), content);
      assert.equal(made(), 4, "the third is made each time");
    },
    () => text(content),
  );
});

test("nothing is kept when no bytes are given", async () => {
  await withKept(0, async (ask, _database, made) => {
    await ask("/a");
    await ask("/a");
    assert.equal(made(), 2);
  });
});

test("an answer other than 200, and a stream, are not kept", async () => {
  await withKept(
    1_000_000,
    async (ask, _database, made) => {
      await ask("/missing");
      await ask("/missing");
      assert.equal(made(), 2);
    },
    () => json({ errors: {} }, { status: 404 }),
  );
  async function* pieces(): AsyncGenerator<string> {
    yield "piece";
  }
  await withKept(
    1_000_000,
    async (ask, _database, made) => {
      assert.equal(await ask("/stream"), "piece");
      assert.equal(await ask("/stream"), "piece");
      assert.equal(made(), 2);
    },
    () => ({ status: 200, content: pieces() }),
  );
});
