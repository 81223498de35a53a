import assert from "node:assert/strict";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import {
  Cancelled,
  type Coroutine,
  cancelRequest,
  remainingMs,
  scope,
  shield,
  sleep,
  spawn,
  supervise,
  suspend,
  until,
  waitCancelRequest,
  withDeadline,
} from "./mod.ts";

/** Runs `wait`, which must be cancelled, and gives the cancel. */
async function cancelOf(wait: () => Promise<unknown>): Promise<Cancelled> {
  try {
    await wait();
  } catch (error) {
    assert.ok(error instanceof Cancelled, String(error));
    return error;
  }
  return assert.fail("not cancelled");
}

coroutineTest("a cancel is thrown at the wait with its reason, and runs finally", async () => {
  const events: unknown[] = [];
  const child = spawn(async () => {
    try {
      await sleep(1_000);
    } catch (error) {
      events.push((error as Cancelled).reason);
      throw error;
    } finally {
      events.push("finally");
    }
  });
  child.cancel({ reason: "enough" });
  assert.deepEqual(events, [], "no code of the coroutine runs inside cancel()");
  await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED", reason: "enough" });
  assert.deepEqual(events, ["enough", "finally"]);
  assert.equal(child.state, "cancelled");
});

coroutineTest("a cancel is level-triggered: every later wait throws it again, without starting", async () => {
  let starts = 0;
  const child = spawn(async () => {
    const first = await cancelOf(() => sleep(1_000));
    const again = await cancelOf(() =>
      suspend("never started", () => {
        starts++;
        return undefined;
      }),
    );
    assert.equal(again, first);
    assert.equal(await cancelOf(() => scope(() => sleep(1))), first, "an inner scope is inside it too");
    throw again;
  });
  child.cancel();
  await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.equal(starts, 0);
});

coroutineTest(
  "a coroutine that catches its cancel and returns is done",
  async () => {
    const child = spawn(async () => {
      await sleep(1_000).catch(() => {});
      return "in spite of it";
    });
    child.cancel();
    assert.equal(await child.join(), "in spite of it");
    assert.equal(child.state, "done");
  },
  { provokes: ["M"] },
);

coroutineTest("the outermost cancel wins, whichever came first", async () => {
  for (const outerFirst of [true, false]) {
    const seen: unknown[] = [];
    const outer = spawn(async () => {
      await suspend<void>("turn", (resume) => void setImmediate(resume));
      const inner = spawn(async () => {
        try {
          await suspend<void>("wait", (_resume, fail) => (cancelled) => {
            // The operation takes its time, so that both cancels are there before it ends.
            queueMicrotask(() => queueMicrotask(() => fail(cancelled)));
            return "pending";
          });
        } finally {
          seen.push((await cancelOf(() => sleep(1))).reason);
        }
      });
      if (!outerFirst) inner.cancel({ reason: "inner" });
      outer.cancel({ reason: "outer" });
      if (outerFirst) inner.cancel({ reason: "inner" });
      await sleep(1_000);
    });
    await assert.rejects(outer.join(), { code: "ERR_COROUTINE_CANCELLED", reason: "outer" });
    assert.deepEqual(seen, ["outer"]);
  }
});

coroutineTest("the cancel of one coroutine is no news to its parent and its siblings", async () => {
  const events: string[] = [];
  await scope(async () => {
    const child = spawn(() => sleep(1_000));
    spawn(async () => {
      await suspend<void>("turn", (resume) => void setImmediate(resume));
      events.push("sibling");
    });
    child.cancel();
    await child.join().catch(() => events.push("cancelled"));
  });
  assert.deepEqual(events, ["cancelled", "sibling"]);
});

coroutineTest("a cancel reaches all that the coroutine owns, and inner cleanup comes first", async () => {
  const events: string[] = [];
  const child = spawn(async () => {
    try {
      await scope(async () => {
        spawn(async () => {
          try {
            await sleep(1_000);
          } finally {
            events.push("grandchild");
          }
        });
        try {
          await sleep(1_000);
        } finally {
          events.push("inner body");
        }
      });
    } finally {
      events.push("outer body");
    }
  });
  child.cancel();
  await assert.rejects(child.join());
  assert.deepEqual(events.slice(0, 2).sort(), ["grandchild", "inner body"]);
  assert.equal(events[2], "outer body");
});

coroutineTest("a failure during the cleanup of a cancel is thrown, and the cancel is not lost on the way", async () => {
  await assert.rejects(
    scope(async () => {
      const child = spawn(async () => {
        try {
          await sleep(1_000);
        } finally {
          // eslint-disable-next-line no-unsafe-finally
          throw new Error("cleanup");
        }
      });
      child.cancel();
      await assert.rejects(child.join(), { message: "cleanup" });
      assert.equal(child.state, "failed");
    }),
    { message: "cleanup" },
  );
});

clockTest("a shield keeps a cancel away for its body, and it is met at the first wait after", async (clock) => {
  const events: string[] = [];
  const child = spawn(async () => {
    try {
      await shield(1_000, async () => {
        await sleep(100);
        events.push("shielded");
      });
      events.push("after");
      await sleep(1);
      assert.fail("not cancelled");
    } finally {
      events.push("finally");
    }
  });
  child.cancel();
  await clock.advance(99);
  assert.deepEqual(events, []);
  await clock.advance(1);
  assert.deepEqual(events, ["shielded", "after", "finally"]);
  assert.equal(child.state, "cancelled");
});

clockTest("a shield's budget is its own deadline", async (clock) => {
  await supervise(
    async () => {
      const child = spawn(async () => {
        try {
          await sleep(10_000);
        } finally {
          await shield(50, () => sleep(1_000));
        }
      });
      await clock.advance(10);
      child.cancel();
      await clock.advance(49);
      assert.equal(child.state, "running");
      await clock.advance(1);
      assert.equal(child.state, "failed");
      await assert.rejects(child.join(), { code: "ERR_DEADLINE", timeoutMs: 50 });
    },
    { onFailure: () => {} },
  );
});

clockTest(
  "a shield hides an earlier deadline of the outside, and what is inside it can still be cancelled",
  async (clock) => {
    const remaining: number[] = [];
    const child = spawn(() =>
      withDeadline(10, async () => {
        await shield(100, async () => {
          remaining.push(remainingMs());
          const inner = spawn(() => sleep(1_000));
          await sleep(20);
          inner.cancel();
          await assert.rejects(inner.join(), { code: "ERR_COROUTINE_CANCELLED" });
        });
        remaining.push(remainingMs());
      }),
    );
    await clock.advance(20);
    await child.join();
    assert.deepEqual(remaining, [100, 0]);
  },
);

clockTest("a cancel with grace asks first and insists when the grace is over", async (clock) => {
  const events: string[] = [];
  const child = spawn(async () => {
    spawn(async () => {
      const { reason, graceMs } = await waitCancelRequest();
      events.push(`asked: ${String(reason)}, ${graceMs}`);
    });
    try {
      await sleep(10_000);
    } finally {
      events.push("insisted");
    }
  });
  child.cancel({ reason: "stop", graceMs: 100 });
  await clock.advance(99);
  assert.deepEqual(events, ["asked: stop, 100"]);
  assert.equal(child.state, "running");
  await clock.advance(1);
  assert.deepEqual(events, ["asked: stop, 100", "insisted"]);
  await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED", reason: "stop" });
});

clockTest("a coroutine that finishes within the grace is done", async (clock) => {
  const child = spawn(async () => {
    const { reason } = await waitCancelRequest();
    await sleep(50);
    return `finished after ${String(reason)}`;
  });
  child.cancel({ reason: "stop", graceMs: 100 });
  await clock.advance(50);
  assert.equal(child.state, "done");
  assert.equal(await child.join(), "finished after stop");
  assert.equal(clock.timers, 0, "the grace's timer is cleared");
});

clockTest("asking again can shorten the grace and cannot lengthen it; the first reason stays", async (clock) => {
  const child = spawn(() => sleep(10_000));
  child.cancel({ reason: "first", graceMs: 100 });
  child.cancel({ reason: "longer", graceMs: 500 });
  await clock.advance(10);
  child.cancel({ reason: "shorter", graceMs: 30 });
  await clock.advance(29);
  assert.equal(child.state, "running");
  await clock.advance(1);
  assert.equal(child.state, "cancelled");

  const second = spawn(() => sleep(10_000));
  second.cancel({ graceMs: 20 });
  second.cancel({ graceMs: 500 });
  await clock.advance(20);
  assert.equal(second.state, "cancelled");
});

clockTest("a cancel without grace after a request insists at once", async (clock) => {
  const child = spawn(() => sleep(10_000));
  child.cancel({ graceMs: 100 });
  child.cancel({ reason: "now" });
  await clock.settle();
  assert.equal(child.state, "cancelled");
  await assert.rejects(child.join(), { reason: "now" });
});

clockTest("a request reaches inner scopes, those that are made later, and no shield", async (clock) => {
  const events: string[] = [];
  const child = spawn(async () => {
    await shield(1_000, async () => {
      await sleep(10);
      events.push(`shield: ${String(cancelRequest()?.reason)}`);
    });
    await scope(async () => {
      events.push(`later scope: ${String(cancelRequest()?.reason)}`);
      events.push(`waited: ${String((await waitCancelRequest()).reason)}`);
    });
  });
  child.cancel({ reason: "stop", graceMs: 100 });
  await clock.advance(10);
  await child.join();
  assert.deepEqual(events, ["shield: undefined", "later scope: stop", "waited: stop"]);
});

coroutineTest("graceMs is checked before anything happens", async () => {
  const child = spawn(() => suspend<void>("turn", (resume) => void setImmediate(resume)));
  assert.throws(() => child.cancel({ graceMs: -1 }), RangeError);
  assert.throws(() => child.cancel({ graceMs: Number.NaN }), RangeError);
  await child.join();
  assert.equal(child.state, "done");
});

coroutineTest("a cancel after the end changes nothing", async () => {
  const child = spawn(() => 1);
  assert.equal(await child.join(), 1);
  child.cancel();
  child.cancel({ graceMs: 10 });
  assert.equal(child.state, "done");
});

coroutineTest("await using a coroutine cancels it and waits for its end, even in a cancelled owner", async () => {
  const events: string[] = [];
  const owner = spawn(async () => {
    try {
      await using _child = spawn(async () => {
        try {
          await sleep(1_000);
        } finally {
          await shield(100, () => suspend<void>("turn", (resume) => void setImmediate(resume)));
          events.push("child");
        }
      });
      await sleep(1_000);
    } finally {
      events.push("owner");
    }
  });
  owner.cancel();
  await assert.rejects(owner.join());
  assert.deepEqual(events, ["child", "owner"]);
});

coroutineTest(
  "a promise shared with a coroutine that was cancelled fails whoever awaits it, as no cancel of theirs",
  async () => {
    let shared: Promise<void> | undefined;
    const child = spawn(async () => {
      shared = sleep(1_000);
      await shared;
    });
    await assert.rejects(
      scope(async () => {
        spawn(() => shared, { name: "sharer" });
        child.cancel();
        await sleep(1_000);
      }),
      (error: Error & { code?: string }) =>
        error.code === "ERR_COROUTINE_CANCELLED" && error.cause instanceof Cancelled,
    );
  },
);

coroutineTest("until stops waiting at a cancel, disposes of a late value and drops a late failure", async () => {
  const disposed: string[] = [];
  const late = Promise.withResolvers<Disposable>();
  const failing = Promise.withResolvers<void>();
  for (const promise of [late.promise, failing.promise]) {
    const child = spawn(() => until<unknown>(promise));
    child.cancel();
    await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
  }
  late.resolve({ [Symbol.dispose]: () => void disposed.push("late") });
  failing.reject(new Error("nobody is left to tell"));
  await new Promise(setImmediate);
  assert.deepEqual(disposed, ["late"]);
});

coroutineTest("until in a cancelled scope leaves its promise as a cancel would", async () => {
  const { promise: valued, resolve } = Promise.withResolvers<AsyncDisposable>();
  const { promise: failed, reject } = Promise.withResolvers<void>();
  const ends: string[] = [];
  const child = spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await Promise.allSettled([until(valued), until(failed)]);
    }
  });
  child.cancel();
  await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
  reject(new Error("late"));
  resolve({ [Symbol.asyncDispose]: async () => void ends.push("disposed") });
  await sleep(5);
  assert.deepEqual(ends, ["disposed"]);
});

clockTest("a cancel from further out outranks a deadline that struck first", async (clock) => {
  const outer = spawn(() =>
    withDeadline(10, async () => {
      spawn(async () => {
        await shield(100, () => sleep(20));
        await sleep(1_000);
      });
      await sleep(1_000);
    }).catch((error: unknown) => {
      assert.ok(error instanceof Cancelled, String(error));
      throw error;
    }),
  );
  await clock.advance(15);
  outer.cancel({ reason: "from further out" });
  await clock.advance(5);
  await assert.rejects(outer.join(), { code: "ERR_COROUTINE_CANCELLED", reason: "from further out" });
});

coroutineTest("a coroutine in await using is cancelled when the block is left", async () => {
  let left: Coroutine<void>;
  {
    await using child = spawn(() => sleep(1_000));
    left = child;
  }
  assert.equal(left.state, "cancelled");
});

coroutineTest("a cancel stays a cancel when disposers that wait meet it too", async () => {
  const waiting = (): AsyncDisposable => ({ [Symbol.asyncDispose]: () => sleep(1) });
  const child = spawn(async () => {
    await using _first = waiting();
    await using _second = waiting();
    await sleep(1_000);
  });
  child.cancel();
  await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.equal(child.state, "cancelled");
});

coroutineTest("a disposer's failure under a cancel is a failure, with the cancel beside it", async () => {
  await assert.rejects(
    scope(() => {
      const child = spawn(async () => {
        await using _broken: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.reject(new Error("broken")) };
        await sleep(1_000);
      });
      child.cancel();
    }),
    (error) =>
      error instanceof SuppressedError && error.error.message === "broken" && error.suppressed instanceof Cancelled,
  );
});
