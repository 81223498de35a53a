/** What every pair of connected streams must do, kernel sockets and memory sockets alike: one test for each rule. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  Cancelled,
  captureContext,
  ensureCoroutine,
  runRoot,
  scope,
  sleep,
  spawn,
  withDeadline,
  type Coroutine,
} from "../co/mod.ts";
import type { BufferOptions, Connection } from "../net/mod.ts";
import type { FindingClass } from "../trace/mod.ts";
import { coroutineTest } from "./coroutine-test.ts";

/** Makes two connections that are each other's peer. Whoever calls owns both; nothing else stays open. */
export type ConnectPair = (options: BufferOptions) => Promise<readonly [Connection, Connection]>;

/** How pairs differ. */
export interface SocketSuiteOptions {
  /** `destroy({ reset: true })` is told apart from an end by the peer. Unix sockets have no reset. Default true. */
  readonly hasReset?: boolean;
}

const KIB = 1024;
/** More than the kernel holds of one TCP connection on loopback (its defaults end at 4 MiB to send, 32 MiB to receive). */
const MORE_THAN_KERNEL_BYTES = 64 * KIB * KIB;
/** A transport hands on what it read in one go: that much comes on top of `readBufferSize`. */
const TRANSPORT_CHUNK_BYTES = 64 * KIB;
/** Turns of the event loop without progress, after which a transfer counts as stopped. */
const QUIET_TURNS = 50;
const MAX_TURNS = 200_000;
/** How soon whoever waits on a connection that was destroyed is awake. */
const WAKE_LIMIT_MS = 2_000;

const closed = { code: "ERR_CLOSED" };
const reset = { code: "ERR_CONNECTION_RESET" };
const busy = { code: "ERR_BUSY" };

/**
 * Adds the tests of the suite, named after `name`. Call it at the top of a test file, which then runs on the release and
 * on the trace build.
 *
 * @example
 * ```ts
 * import { memoryPair, socketSuite } from "lunet/testing";
 * socketSuite("memory", async (options) => memoryPair(options));
 * ```
 */
export function socketSuite(name: string, connectPair: ConnectPair, options: SocketSuiteOptions = {}): void {
  const { hasReset = true } = options;

  function pairTest(
    rule: string,
    body: (a: Connection, b: Connection) => Promise<void>,
    buffers: BufferOptions = {},
    provokes: readonly FindingClass[] = [],
  ): void {
    const run = async (): Promise<void> => {
      const [a, b] = await connectPair(buffers);
      try {
        await body(a, b);
      } finally {
        a.destroy();
        b.destroy();
      }
    };
    coroutineTest(`${name}: ${rule}`, run, { provokes });
  }

  testReading(pairTest);
  testWriting(pairTest);
  testHalfClose(pairTest);
  testClose(pairTest);
  testDestroy(pairTest, hasReset);
  testConsume(pairTest);
  testOnGone(pairTest);

  test(`${name}: operations outside a coroutine are refused`, async () => {
    const [a, b] = await runRoot(() => connectPair({}));
    const outside = { code: "ERR_NOT_IN_COROUTINE" };
    await assert.rejects(async () => a.read(), outside);
    await assert.rejects(async () => a.write("x"), outside);
    await assert.rejects(async () => a.shutdown(), outside);
    await assert.rejects(async () => a.close(), outside);
    await assert.rejects(async () => a.consume(() => true), outside);
    a.destroy();
    b.destroy();
  });
}

type PairTest = (
  rule: string,
  body: (a: Connection, b: Connection) => Promise<void>,
  buffers?: BufferOptions,
  provokes?: readonly FindingClass[],
) => void;

function testReading(pairTest: PairTest): void {
  pairTest("what one side writes the other reads, both ways", async (a, b) => {
    await a.write("grüße");
    await b.write(Uint8Array.of(0, 255, 10));
    assert.equal(await readText(b, 7), "grüße");
    assert.deepEqual(await readBytes(a, 3), Buffer.from([0, 255, 10]));
    await a.write("\u00e9", "latin1");
    assert.deepEqual(await readBytes(b, 1), Buffer.from([0xe9]));
  });

  pairTest("a read waits for bytes that come later", async (a, b) => {
    const reading = spawn(() => readText(b, 4));
    assert.equal(reading.state, "running");
    await a.write("late");
    assert.equal(await reading.join(), "late");
  });

  pairTest("tryRead tells apart nothing yet, bytes and the end", async (a, b) => {
    assert.equal(b.tryRead(), undefined);
    await a.write("x");
    await turnsUntil(() => b.bytesRead === 1);
    assert.equal(Buffer.from(b.tryRead() ?? []).toString(), "x");
    assert.equal(b.tryRead(), undefined);
    await a.shutdown();
    await turnsUntil(() => b.peerEnded);
    assert.equal(b.tryRead(), null);
    assert.equal(b.tryRead(), null);
  });

  pairTest(
    "a read gives at most readBufferSize bytes, and none is lost",
    async (a, b) => {
      const sent = randomBytes(1_000);
      await a.write(sent);
      await a.shutdown();
      const pieces: Uint8Array[] = [];
      for (let piece = await b.read(); piece !== null; piece = await b.read()) pieces.push(piece);
      assert.ok(pieces.every((piece) => piece.length >= 1 && piece.length <= 7));
      assert.deepEqual(Buffer.concat(pieces), sent);
    },
    { readBufferSize: 7 },
  );

  pairTest(
    "a reader that waits also gets at most readBufferSize bytes",
    async (a, b) => {
      const reading = spawn(() => b.read());
      await a.write("0123456789");
      assert.equal((await reading.join())?.length, 4);
      assert.equal(await readText(b, 6), "456789");
    },
    { readBufferSize: 4 },
  );

  pairTest("a cancelled read takes nothing out of the stream", async (a, b) => {
    const reading = spawn(() => b.read());
    reading.cancel();
    await assert.rejects(reading.join(), { code: "ERR_COROUTINE_CANCELLED" });
    await a.write("first");
    assert.equal(await readText(b, 5), "first");
    const first = spawn(() => b.read());
    await a.write("second");
    await turnsUntil(() => b.bytesRead === 11);
    // The bytes were there before the cancel: whoever waited has them, or they are still to be read.
    first.cancel();
    const got = await first.join().catch(() => null);
    const rest = got === null ? await readBytes(b, 6) : Buffer.from(got);
    assert.equal(rest.toString(), "second");
  });

  pairTest("a deadline ends a read, and the connection can be used on", async (a, b) => {
    await assert.rejects(
      withDeadline(5, () => b.read()),
      { code: "ERR_DEADLINE" },
    );
    await a.write("after");
    assert.equal(await readText(b, 5), "after");
  });

  pairTest("a second reader is refused and the first is not disturbed", async (a, b) => {
    const reading = spawn(() => readText(b, 1));
    await assert.rejects(async () => b.read(), busy);
    assert.throws(() => b.tryRead(), busy);
    await assert.rejects(
      b.consume(() => true),
      busy,
    );
    await a.write("x");
    assert.equal(await reading.join(), "x");
  });

  pairTest("many small writes arrive in order", async (a, b) => {
    const words = Array.from({ length: 2_000 }, (_, index) => `${index};`);
    const writing = spawn(async () => {
      for (const word of words) await a.write(word);
      await a.shutdown();
    });
    assert.equal((await readAll(b)).toString(), words.join(""));
    await writing.join();
  });

  pairTest("8 MiB in pieces of any size arrive byte by byte, both ways at once", async (a, b) => {
    const sent = [randomBytes(8 * KIB * KIB), randomBytes(8 * KIB * KIB)] as const;
    const [toB, toA] = await Promise.all([
      spawn(() => readAll(b)).join(),
      spawn(() => readAll(a)).join(),
      spawn(() => writeInPieces(a, sent[0])).join(),
      spawn(() => writeInPieces(b, sent[1])).join(),
    ]);
    assert.ok(toB.equals(sent[0]));
    assert.ok(toA.equals(sent[1]));
  });
}

function testWriting(pairTest: PairTest): void {
  pairTest("a peer that does not read stops the writer, with bounded memory on both sides", async (a, b) => {
    const piece = randomBytes(16 * KIB);
    const { writing, written } = await fillUp(a, piece);
    assert.ok(written() < MORE_THAN_KERNEL_BYTES, "found no back-pressure");
    assert.ok(a.bufferedBytes <= 64 * KIB + piece.length, `found ${a.bufferedBytes} bytes buffered to write`);
    assert.ok(b.bytesRead <= 64 * KIB + TRANSPORT_CHUNK_BYTES, `found ${b.bytesRead} bytes held unread`);
    // Reading lets it go on, and what arrives is what was written.
    const wanted = written() + piece.length;
    for (let at = 0; at < wanted;) {
      const bytes = Buffer.from((await b.read()) ?? assert.fail("found the end"));
      for (let from = 0; from < bytes.length;) {
        const offset = (at + from) % piece.length;
        const length = Math.min(bytes.length - from, piece.length - offset);
        assert.ok(bytes.subarray(from, from + length).equals(piece.subarray(offset, offset + length)));
        from += length;
      }
      at += bytes.length;
    }
    assert.ok(written() >= wanted - piece.length);
    await writing[Symbol.asyncDispose]();
  });

  pairTest("tryWrite takes nothing when a write would wait", async (a, b) => {
    const { writing, written } = await fillUp(a, randomBytes(16 * KIB));
    writing.cancel();
    await writing.join().catch(() => {});
    const before = a.bufferedBytes;
    assert.equal(a.tryWrite("more"), false);
    assert.equal(a.bufferedBytes, before);
    const sent = written();
    const ending = spawn(() => a.shutdown());
    assert.equal((await readAll(b)).length, sent);
    await ending.join();
  });

  pairTest("a cancelled write has written nothing, and the next goes on behind what was written", async (a, b) => {
    const { writing, written } = await fillUp(a, randomBytes(16 * KIB));
    writing.cancel();
    await assert.rejects(writing.join(), { code: "ERR_COROUTINE_CANCELLED" });
    await assert.rejects(
      withDeadline(5, () => a.write("never written")),
      { code: "ERR_DEADLINE" },
    );
    const sent = written();
    const next = spawn(async () => {
      await a.write("last");
      await a.shutdown();
    });
    const all = await readAll(b);
    await next.join();
    assert.equal(all.length, sent + 4);
    assert.equal(all.toString("latin1", sent), "last");
  });

  pairTest("a second writer is refused while one waits, a reader is not", async (a, b) => {
    const { writing } = await fillUp(a, randomBytes(16 * KIB));
    await assert.rejects(a.write("x"), busy);
    assert.throws(() => a.tryWrite("x"), busy);
    await assert.rejects(a.shutdown(), busy);
    await b.write("the other way");
    assert.equal(await readText(a, 13), "the other way");
    writing.cancel();
  });

  pairTest("an empty write changes nothing", async (a, b) => {
    const reading = spawn(() => b.read());
    await a.write("");
    await a.write(new Uint8Array(0));
    await a.write("x");
    assert.equal((await reading.join())?.length, 1);
  });
}

function testHalfClose(pairTest: PairTest): void {
  pairTest("a shutdown ends one direction and leaves the other", async (a, b) => {
    await a.write("request");
    await a.shutdown();
    assert.equal((await readAll(b)).toString(), "request");
    assert.equal(await b.read(), null);
    assert.equal(b.peerEnded, true);
    assert.equal(b.closed, false);
    await b.write("answer");
    assert.equal(await readText(a, 6), "answer");
    assert.equal(a.peerEnded, false);
    await b.shutdown();
    assert.equal(await a.read(), null);
    assert.equal(await a.read(), null);
  });

  pairTest("a shutdown wakes the peer's reader with the end", async (a, b) => {
    const reading = spawn(() => b.read());
    await a.shutdown();
    assert.equal(await reading.join(), null);
  });

  pairTest("writing after a shutdown is refused, and a second shutdown does nothing", async (a, b) => {
    await a.shutdown();
    await a.shutdown();
    await assert.rejects(a.write("x"), closed);
    assert.throws(() => a.tryWrite("x"), closed);
    assert.equal(await b.read(), null);
  });

  pairTest("a shutdown sends what is buffered first", async (a, b) => {
    const { writing, written } = await fillUp(a, randomBytes(16 * KIB));
    writing.cancel();
    await writing.join().catch(() => {});
    const ending = spawn(() => a.shutdown());
    const all = await readAll(b);
    await ending.join();
    assert.equal(all.length, written());
    assert.equal(a.bufferedBytes, 0);
  });

  pairTest("a cancelled shutdown is sent all the same", async (a, b) => {
    const { writing, written } = await fillUp(a, randomBytes(16 * KIB));
    writing.cancel();
    await writing.join().catch(() => {});
    await assert.rejects(
      withDeadline(5, () => a.shutdown()),
      { code: "ERR_DEADLINE" },
    );
    assert.equal((await readAll(b)).length, written());
  });
}

function testClose(pairTest: PairTest): void {
  pairTest("a close wakes whoever reads here", async (a, b) => {
    const reading = spawn(() => failureOf(() => a.read()));
    const closing = spawn(() => a.close());
    assertFailure(await reading.join(), closed);
    assert.equal(await b.read(), null);
    await b.close();
    await closing.join();
    assert.equal(a.closed, true);
  });

  pairTest("a close wakes whoever writes here, and what was not taken is not sent", async (a, b) => {
    const { writing, written } = await fillUp(a, randomBytes(16 * KIB));
    const closing = spawn(() => a.close());
    assertFailure(await writing.join(), closed);
    assert.equal((await readAll(b)).length, written());
    await b.close();
    await closing.join();
  });

  pairTest("a close wakes whoever shuts down here", async (a, b) => {
    const { writing } = await fillUp(a, randomBytes(16 * KIB));
    writing.cancel();
    await writing.join().catch(() => {});
    const ending = spawn(() => failureOf(() => a.shutdown()));
    const closing = spawn(() => a.close());
    assertFailure(await ending.join(), closed);
    await readAll(b);
    await b.close();
    await closing.join();
  });

  pairTest("a close during a shutdown still sends what is buffered", async (a, b) => {
    await b.shutdown();
    assert.equal(await a.read(), null);
    const { writing, written } = await fillUp(a, randomBytes(16 * KIB));
    writing.cancel();
    await writing.join().catch(() => {});
    const ending = spawn(() => a.shutdown().catch(() => {}));
    const closing = spawn(() => a.close({ lingerMs: 5_000 }));
    assert.equal((await readAll(b)).length, written());
    await ending.join();
    await closing.join();
  });

  pairTest("a second close does nothing, nor does a close after a destroy", async (a, b) => {
    const closing = spawn(() => a.close());
    await a.close();
    await b.close();
    await closing.join();
    await a.close();
    await a[Symbol.asyncDispose]();
    a.destroy();
    b.destroy();
    await b.close();
  });

  pairTest(
    "use after a close is refused with ERR_CLOSED",
    async (a, b) => {
      const closing = spawn(() => a.close());
      await assert.rejects(async () => a.read(), closed);
      assert.throws(() => a.tryRead(), closed);
      await assert.rejects(
        a.consume(() => true),
        closed,
      );
      await assert.rejects(a.write("x"), closed);
      assert.throws(() => a.tryWrite("x"), closed);
      await assert.rejects(a.shutdown(), closed);
      await b.close();
      await closing.join();
      await assert.rejects(async () => a.read(), closed);
      await assert.rejects(a.write("x"), closed);
    },
    {},
    ["E"],
  );

  pairTest("a close gives the peer all that was written, and then the end", async (a, b) => {
    const sent = randomBytes(3 * KIB * KIB);
    const writing = spawn(async () => {
      await a.write(sent);
      await a.close();
    });
    assert.ok((await readAll(b)).equals(sent));
    await b.close();
    await writing.join();
  });

  pairTest("a close delivers the last words while the peer is still sending", async (a, b) => {
    const sending = spawn(() =>
      failureOf(async () => {
        for (;;) await b.write(new Uint8Array(32 * KIB));
      }),
    );
    await readBytes(a, 100_000);
    const closing = spawn(async () => {
      await a.write("last words");
      await a.close({ lingerMs: 5_000 });
    });
    assert.equal((await readAll(b)).toString(), "last words");
    sending.cancel();
    await sending.join().catch(() => {});
    await b.close();
    await closing.join();
  });

  pairTest("what the peer still sends is taken and dropped while a close lingers", async (a, b) => {
    const closing = spawn(() => a.close({ lingerMs: 60_000 }));
    assert.equal(await b.read(), null);
    const piece = new Uint8Array(64 * KIB);
    for (let sent = 0; sent < MORE_THAN_KERNEL_BYTES / 2; sent += piece.length) await b.write(piece);
    await b.close();
    await closing.join();
  });

  pairTest("a close over unread bytes takes what the peer still sends, too", async (a, b) => {
    const { writing } = await fillUp(b, randomBytes(16 * KIB));
    const closing = spawn(() => a.close({ lingerMs: 60_000 }));
    writing.cancel();
    await writing.join().catch(() => {});
    assert.equal(await b.read(), null);
    await b.close();
    await closing.join();
  });

  pairTest("a close waits no longer than lingerMs for a peer that stays", async (a, b) => {
    await a.close({ lingerMs: 5 });
    assert.equal(await b.read(), null);
    await assert.rejects(a.close({ lingerMs: 0 }), RangeError);
  });

  pairTest("a close waits no longer than lingerMs for a peer that does not read", async (a) => {
    const { writing } = await fillUp(a, randomBytes(16 * KIB));
    const closing = spawn(() => a.close({ lingerMs: 5 }));
    assertFailure(await writing.join(), closed);
    await closing.join();
  });

  pairTest("a cancel does not shorten a close", async (a, b) => {
    const sent = randomBytes(3 * KIB * KIB);
    const owner = spawn(async () => {
      await using owned = a;
      await owned.write(sent);
      await owned.read();
    });
    owner.cancel();
    assert.ok((await readAll(b)).equals(sent));
    await b.close();
    await assert.rejects(owner.join(), { code: "ERR_COROUTINE_CANCELLED" });
    assert.equal(a.closed, true);
  });

  pairTest("both sides may close at once", async (a, b) => {
    await Promise.all([spawn(() => a.close()).join(), spawn(() => b.close()).join()]);
    assert.equal(a.closed, true);
    assert.equal(b.closed, true);
  });
}

function testDestroy(pairTest: PairTest, hasReset: boolean): void {
  pairTest("a reset while a shutdown is on its way wakes whoever waits in it", async (a) => {
    const ending = spawn(() => failureOf(() => a.shutdown()));
    a.destroy({ reset: true });
    const failure = await withDeadline(WAKE_LIMIT_MS, () => ending.join());
    assert.ok(failure === undefined || (failure as { code?: string }).code === "ERR_CLOSED", String(failure));
  });

  pairTest(
    "a destroy wakes whoever waits here, and the peer sees an end",
    async (a, b) => {
      const reading = spawn(() => failureOf(() => a.read()));
      a.destroy();
      assertFailure(await reading.join(), closed);
      assert.equal(a.closed, true);
      await assert.rejects(async () => a.read(), closed);
      assert.equal(await b.read(), null);
    },
    {},
    ["E"],
  );

  pairTest("a destroy wakes a writer that waits", async (a) => {
    const { writing } = await fillUp(a, randomBytes(16 * KIB));
    a.destroy();
    assertFailure(await writing.join(), closed);
  });

  pairTest("a destroy ends a close that lingers", async (a) => {
    const closing = spawn(() => a.close({ lingerMs: 60_000 }));
    a.destroy();
    await closing.join();
  });

  pairTest("a destroy over unread bytes resets the peer", async (a, b) => {
    await fillUpAndCancel(b);
    const reading = spawn(() => failureOf(() => readAll(b)));
    a.destroy();
    assertFailure(await reading.join(), reset);
  });

  pairTest(
    "writing to a peer that is gone fails with ERR_CONNECTION_RESET",
    async (a, b) => {
      b.destroy();
      await assert.rejects(async () => {
        for (;;) {
          await a.write("anybody there?");
          await sleep(0);
        }
      }, reset);
      assert.equal(a.closed, true);
      await assert.rejects(a.write("x"), reset);
      await a.close();
      await assert.rejects(a.write("x"), closed);
    },
    {},
    ["E"],
  );

  pairTest("a shutdown that cannot be finished fails with ERR_CONNECTION_RESET", async (a, b) => {
    await fillUpAndCancel(a);
    const ending = spawn(() => failureOf(() => a.shutdown()));
    b.destroy({ reset: true });
    assertFailure(await ending.join(), reset);
  });

  if (!hasReset) return;

  pairTest("a reset is one although nothing is unread", async (a, b) => {
    const reading = spawn(() => failureOf(() => b.read()));
    a.destroy({ reset: true });
    assertFailure(await reading.join(), reset);
  });

  pairTest(
    "a reset wakes the peer's reader and its writer with ERR_CONNECTION_RESET",
    async (a, b) => {
      const { writing } = await fillUp(b, randomBytes(16 * KIB));
      const reading = spawn(() => failureOf(() => b.read()));
      a.destroy({ reset: true });
      assertFailure(await reading.join(), { ...reset, errno: "ECONNRESET" });
      assertFailure(await writing.join(), reset);
      await assert.rejects(async () => b.read(), reset);
      await b.close();
      await assert.rejects(async () => b.read(), closed);
    },
    {},
    ["E"],
  );

  pairTest("a reset ends a close that lingers", async (a, b) => {
    const closing = spawn(() => b.close({ lingerMs: 60_000 }));
    assert.equal(await a.read(), null);
    a.destroy({ reset: true });
    await closing.join();
  });
}

function testConsume(pairTest: PairTest): void {
  pairTest("a consumer gets the bytes as they come, until it says no", async (a, b) => {
    let text = "";
    await a.write("early ");
    const consuming = spawn(() =>
      b.consume((bytes) => {
        text += Buffer.from(bytes).toString();
        return !text.endsWith(".");
      }),
    );
    await turnsUntil(() => text === "early ");
    await a.write("late.");
    assert.equal(await consuming.join(), true);
    assert.equal(text, "early late.");
    await a.write("x");
    assert.equal(await readText(b, 1), "x");
  });

  pairTest("a consumer ends with the stream", async (a, b) => {
    const consuming = spawn(() => b.consume(() => true));
    await a.write("some");
    await a.shutdown();
    assert.equal(await consuming.join(), false);
    assert.equal(await b.consume(() => true), false);
  });

  pairTest("a consumer may start a read, which goes on when it says no", async (a, b) => {
    let reading: Coroutine<string> | undefined;
    const inContext = captureContext();
    await scope(async () => {
      const consuming = spawn(() =>
        b.consume((bytes) => {
          reading = inContext(() => spawn(() => readText(b, 4)));
          assert.equal(Buffer.from(bytes).toString(), "head");
          return false;
        }),
      );
      await a.write("head");
      assert.equal(await consuming.join(), true);
      await a.write("tail");
    });
    assert.equal(await reading?.join(), "tail");
  });

  pairTest("a consumer that starts a read and says yes is refused", async (a, b) => {
    let reading: Coroutine<string> | undefined;
    const inContext = captureContext();
    const consuming = spawn(() =>
      failureOf(() =>
        b.consume(() => {
          reading = inContext(() => spawn(() => readText(b, 4)));
          return true;
        }),
      ),
    );
    await a.write("head");
    assertFailure(await consuming.join(), busy);
    await a.write("tail");
    assert.equal(await reading?.join(), "tail");
  });

  pairTest("what a consumer throws fails the wait", async (a, b) => {
    const consuming = spawn(() =>
      failureOf(() =>
        b.consume(() => {
          throw new Error("broken");
        }),
      ),
    );
    await a.write("x");
    assertFailure(await consuming.join(), { message: "broken" });
    await a.write("y");
    assert.equal(await readText(b, 1), "y");
  });

  pairTest("a cancelled consumer takes nothing more, even if it is cancelled by itself", async (a, b) => {
    const first = spawn(() => b.consume(() => assert.fail("called after the cancel")));
    first.cancel();
    await assert.rejects(first.join(), { code: "ERR_COROUTINE_CANCELLED" });
    let calls = 0;
    const second: Coroutine<boolean> = spawn(() =>
      b.consume(() => {
        calls++;
        second.cancel();
        return true;
      }),
    );
    await a.write("x");
    await assert.rejects(second.join(), { code: "ERR_COROUTINE_CANCELLED" });
    await a.write("y");
    assert.equal(await readText(b, 1), "y");
    assert.equal(calls, 1);
  });

  pairTest("a close wakes a consumer, even one that closes the connection itself", async (a, b) => {
    const first = spawn(() => failureOf(() => a.consume(() => true)));
    a.destroy();
    assertFailure(await first.join(), closed);
    assert.equal(await b.consume(() => true), false);
  });

  pairTest("a consumer that destroys the connection is woken", async (a, b) => {
    const consuming = spawn(() =>
      failureOf(() =>
        b.consume(() => {
          b.destroy();
          return true;
        }),
      ),
    );
    await a.write("x");
    assertFailure(await consuming.join(), closed);
  });
}

function testOnGone(pairTest: PairTest): void {
  pairTest("onGone tells of the peer's end and of the connection's, once each", async (a, b) => {
    const events: string[] = [];
    b.onGone((how) => events.push(how));
    await a.write("x");
    await a.shutdown();
    await turnsUntil(() => events.length > 0);
    assert.deepEqual(events, ["ended"]);
    assert.equal(await readText(b, 1), "x");
    await b.close();
    assert.deepEqual(events, ["ended", "closed"]);
    b.onGone(undefined);
  });

  pairTest("an end that was sent is not sent again by a destroy", async (a, b) => {
    const events: string[] = [];
    b.onGone((how) => events.push(how));
    await a.shutdown();
    await turnsUntil(() => events.length > 0);
    a.destroy();
    await sleep(0);
    await sleep(0);
    assert.deepEqual(events, ["ended"]);
    b.onGone(undefined);
  });

  pairTest("onGone can be taken away", async (a, b) => {
    b.onGone(() => assert.fail("called after it was taken away"));
    b.onGone(undefined);
    await a.shutdown();
    assert.equal(await b.read(), null);
  });
}

/** What `body` throws, other than a cancel. A coroutine that is to fail must not fail its scope. */
async function failureOf(body: () => Promise<unknown>): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    return error;
  }
  return assert.fail("found no failure");
}

function assertFailure(error: unknown, wanted: object): void {
  assert.throws(() => {
    throw error;
  }, wanted);
}

/** Waits for turns of the event loop until `condition` holds. */
async function turnsUntil(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn === MAX_TURNS) assert.fail(`found the condition false after ${MAX_TURNS} turns of the event loop`);
    await sleep(0);
  }
}

interface Filling {
  /** Writes `piece` again and again, until it is cancelled or fails; gives the failure. */
  readonly writing: Coroutine<unknown>;
  /** Bytes that the connection has taken. */
  readonly written: () => number;
}

/** Starts a writer and waits until it is stopped by a peer that does not read. */
async function fillUp(connection: Connection, piece: Uint8Array): Promise<Filling> {
  let written = 0;
  const writing = spawn(() =>
    failureOf(async () => {
      for (;;) {
        await connection.write(piece);
        written += piece.length;
      }
    }),
  );
  let handedOver = -1;
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    await sleep(0);
    if (written >= MORE_THAN_KERNEL_BYTES) break;
    if (written - connection.bufferedBytes !== handedOver) quiet = 0;
    handedOver = written - connection.bufferedBytes;
  }
  return { writing, written: () => written };
}

async function fillUpAndCancel(connection: Connection): Promise<void> {
  const { writing } = await fillUp(connection, new Uint8Array(16 * KIB));
  writing.cancel();
  await writing.join().catch(() => {});
}

async function writeInPieces(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let at = 0, size = 1; at < bytes.length; at += size, size = ((size * 7) % 100_003) + 1) {
    await connection.write(bytes.subarray(at, at + size));
  }
  await connection.shutdown();
}

async function readAll(connection: Connection): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let piece = await connection.read(); piece !== null; piece = await connection.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function readBytes(connection: Connection, count: number): Promise<Buffer> {
  ensureCoroutine("readBytes");
  let all = Buffer.alloc(0);
  while (all.length < count) {
    const piece = await connection.read();
    if (piece === null) assert.fail(`found the end after ${all.length} bytes, wanted ${count}`);
    all = Buffer.concat([all, piece]);
  }
  return all;
}

async function readText(connection: Connection, count: number): Promise<string> {
  return (await readBytes(connection, count)).toString();
}
