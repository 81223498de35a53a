/**
 * Programs that are right, and in which the trace build must find nothing; and faults of which it must find the one that
 * there is, and no more. Each is a thing that users write.
 */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite } from "node:test";
import { sleep, spawn, suspend, withDeadline } from "lunet";
import { open as openDatabase } from "lunet/db";
import { open, type File } from "lunet/fs";
import { connect, listen } from "lunet/net";
import { coroutineTest } from "lunet/testing";
import { adopt, ended, made, ownedBy, TRACE } from "lunet/trace";

const directory = mkdtempSync(join(tmpdir(), "lunet-correct-"));
after(() => rmSync(directory, { recursive: true }));

const LIMIT_MS = 5_000;
const path = join(directory, "file");
const openFile = (): Promise<File> => open(path, "w+");

/** A program's own thing with a life. */
class Lock implements Disposable {
  constructor(name: string) {
    if (TRACE) made("lock", this, undefined, name);
  }

  [Symbol.dispose](): void {
    if (TRACE) ended("lock", this);
  }
}

/** A program's own thing that holds one of the runtime's where nobody can look. */
class Session implements AsyncDisposable {
  readonly #file: File;

  constructor(file: File) {
    this.#file = file;
    if (TRACE) made("session", this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (TRACE) ended("session", this);
  }
}

suite("what a body returns takes what it holds along", () => {
  coroutineTest("a file in an object that ends it by a symbol", async () => {
    await using _held = await withDeadline(LIMIT_MS, async () => {
      const file = await openFile();
      return { size: 1, [Symbol.asyncDispose]: () => file.close() };
    });
  });

  coroutineTest("a file deep in plain objects, among many rows, and as the key of a map", async () => {
    const deep = await withDeadline(LIMIT_MS, async () => ({ a: { b: { c: { d: { file: await openFile() } } } } }));
    await deep.a.b.c.d.file.close();
    const wide = await withDeadline(LIMIT_MS, async () => ({
      rows: Array.from({ length: 12_000 }, (_, row) => ({ row })),
      file: await openFile(),
    }));
    await wide.file.close();
    const keyed = await withDeadline(LIMIT_MS, async () => new Map([[await openFile(), "first"]]));
    for (const file of keyed.keys()) await file.close();
  });

  coroutineTest("a file in a thing of the program's own that is in the ledger itself", async () => {
    await using _session = await withDeadline(LIMIT_MS, async () => new Session(await openFile()));
  });

  coroutineTest("getters and proxies of what is returned are not run", async () => {
    let runs = 0;
    const value = await withDeadline(LIMIT_MS, async () => ({
      file: await openFile(),
      get lazy(): never {
        runs++;
        throw new Error("too early");
      },
    }));
    assert.equal(runs, 0);
    await value.file.close();
    const forbid = (): never => {
      throw new Error("nobody looks in here");
    };
    const hidden = await withDeadline(LIMIT_MS, async () => {
      const file = await openFile();
      return { close: () => file.close(), proxy: new Proxy({}, { getPrototypeOf: forbid, ownKeys: forbid }) };
    });
    await hidden.close();
  });
});

coroutineTest("what callbacks make while a coroutine waits is not what its wait left behind", async () => {
  const events = new EventEmitter();
  const locks: Lock[] = [];
  events.on("session", () => locks.push(new Lock("of a callback")));
  const happened = suspend<void>("session", (resume) => {
    // Whoever waits first is told first: the other listener has entered its lock by then.
    events.once("session", () => resume());
    return undefined;
  });
  setImmediate(() => events.emit("session"));
  await happened;
  assert.equal(locks.length, 1);
  for (const lock of locks) lock[Symbol.dispose]();
});

coroutineTest("a wait whose start begins other waits leaves nothing of itself in its caller", async () => {
  let end = (): void => {};
  const outer = suspend<void>("outer", (resume) => {
    spawn(() => sleep(1));
    end = () => resume();
    return undefined;
  });
  const lock = new Lock("made while outer waits");
  end();
  await outer;
  lock[Symbol.dispose]();
});

coroutineTest("what a wait hands over in a small record is its value", async () => {
  const { lock } = await suspend<{ lock: Lock; waitedMs: number }>("acquire", (resume) => {
    const timer = setTimeout(() => resume({ lock: new Lock("handed over"), waitedMs: 1 }), 1);
    return () => clearTimeout(timer);
  });
  lock[Symbol.dispose]();
});

coroutineTest("a queue owns what waits in it, and whoever takes it out adopts it", async () => {
  const queue: Lock[] = [];
  if (TRACE) made("queue", queue);
  const maker = spawn(async () => {
    const lock = new Lock("queued");
    if (TRACE) ownedBy(lock, queue);
    queue.push(lock);
  });
  await maker.join();
  await spawn(async () => {
    const lock = queue.shift();
    assert.ok(lock !== undefined);
    if (TRACE) adopt(lock);
    await sleep(1);
    lock[Symbol.dispose]();
  }).join();
  if (TRACE) ended("queue", queue);
});

suite("one fault is one finding", () => {
  coroutineTest(
    "a stranger's use is told, and does not make the stranger the owner",
    async () => {
      await using file = await spawn(openFile).join();
      const { promise: lent, resolve: lend } = Promise.withResolvers<File>();
      const reader = spawn(async () => void (await (await lent).read(1, 0)));
      await spawn(async () => {
        await using own = await openFile();
        lend(own);
        await reader.join();
      }).join();
      await file.stat();
    },
    { provokes: ["H"] },
  );

  coroutineTest(
    "a second close of a file is told while the first is still under way",
    async () => {
      const file = await openFile();
      const [, second] = await Promise.allSettled([file.close(), file.close()]);
      assert.equal(second?.status, "rejected");
    },
    { provokes: ["D"] },
  );

  coroutineTest(
    "a write on a connection is told while its close still lingers",
    async () => {
      await using listener = await listen();
      await using client = await connect({ port: listener.port });
      await using _server = await listener.accept();
      const closing = spawn(() => client.close({ lingerMs: 20 }));
      await assert.rejects(client.write("late"), { code: "ERR_CLOSED" });
      await closing.join();
    },
    { provokes: ["E"] },
  );

  coroutineTest(
    "a query on a database is told while its close still waits",
    async () => {
      const database = await openDatabase("sqlite::memory:");
      const closing = database.close();
      await assert.rejects(database.query("select 1"), { code: "ERR_CLOSED" });
      await closing;
    },
    { provokes: ["E"] },
  );
});
