import assert from "node:assert/strict";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import { DeadlineError, remainingMs, scope, ScopeError, shield, sleep, spawn, suspend, withDeadline } from "./mod.ts";

clockTest("a deadline ends the body at its time, after its cleanup", async (clock) => {
  const events: string[] = [];
  const whole = spawn(async () => {
    await assert.rejects(
      withDeadline(50, async () => {
        try {
          await sleep(1_000);
        } finally {
          await shield(100, () => sleep(10));
          events.push("cleaned");
        }
      }),
      (error) => error instanceof DeadlineError && error.code === "ERR_DEADLINE" && error.timeoutMs === 50,
    );
    events.push("thrown");
  });
  await clock.advance(59);
  assert.deepEqual(events, []);
  await clock.advance(1);
  assert.deepEqual(events, ["cleaned", "thrown"]);
  await whole.join();
});

clockTest("a body that ends in time gives its value, and its timer is cleared", async (clock) => {
  const whole = spawn(() =>
    withDeadline(50, async () => {
      await sleep(49);
      return "in time";
    }),
  );
  await clock.advance(49);
  assert.equal(await whole.join(), "in time");
  assert.equal(clock.timers, 0);
});

clockTest("deadlines are inherited as the minimum, and are points in time", async (clock) => {
  const seen: number[] = [];
  const whole = spawn(async () => {
    seen.push(remainingMs());
    await withDeadline(100, async () => {
      seen.push(remainingMs());
      await sleep(30);
      await withDeadline(50, () => void seen.push(remainingMs()));
      await withDeadline(500, async () => {
        seen.push(remainingMs());
        spawn(() => void seen.push(remainingMs()));
      });
    });
  });
  await clock.advance(30);
  await whole.join();
  assert.deepEqual(seen, [Infinity, 100, 50, 70, 70]);
});

clockTest("of two deadlines the earlier fails at its own scope", async (clock) => {
  const whole = spawn(async () => {
    await assert.rejects(
      withDeadline(100, () =>
        withDeadline(500, async () => {
          await sleep(1_000);
        }),
      ),
      { code: "ERR_DEADLINE", timeoutMs: 100 },
    );
    await withDeadline(100, async () => {
      await assert.rejects(
        withDeadline(20, () => sleep(1_000)),
        { timeoutMs: 20 },
      );
      assert.equal(remainingMs(), 80);
    });
  });
  await clock.advance(120);
  assert.equal(whole.state, "done");
  await whole.join();
});

clockTest("a deadline reaches coroutines that were spawned in the body", async (clock) => {
  const events: string[] = [];
  const whole = spawn(async () => {
    await assert.rejects(
      withDeadline(50, () => {
        spawn(async () => {
          try {
            await sleep(1_000);
          } finally {
            events.push("child");
          }
        });
      }),
      { code: "ERR_DEADLINE" },
    );
  });
  await clock.advance(50);
  await whole.join();
  assert.deepEqual(events, ["child"]);
});

clockTest("a value that is there when the deadline strikes counts, when no wait is left", async (clock) => {
  let finish = () => {};
  const whole = spawn(() =>
    withDeadline(50, async () => {
      await suspend<void>("uncancellable", (resume) => {
        finish = resume;
        return undefined;
      });
      return "late and whole";
    }),
  );
  await clock.advance(60);
  finish();
  assert.equal(await whole.join(), "late and whole");
});

clockTest("a failure of the cleanup after a deadline is thrown with it", async (clock) => {
  const whole = spawn(async () => {
    await assert.rejects(
      withDeadline(50, async () => {
        try {
          await sleep(1_000);
        } finally {
          // eslint-disable-next-line no-unsafe-finally
          throw new Error("cleanup");
        }
      }),
      (error) => {
        assert.ok(error instanceof ScopeError);
        assert.deepEqual(
          error.errors.map((each) => (each as Error).message),
          ["Cannot finish in time: the deadline of 50 ms is over", "cleanup"],
        );
        return true;
      },
    );
  });
  await clock.advance(50);
  await whole.join();
});

clockTest("a deadline error's stack has the coroutine whose time was over", async (clock) => {
  async function slowBody(): Promise<void> {
    await withDeadline(50, () => sleep(1_000));
  }
  const whole = spawn(async () => {
    const error = await slowBody().catch((failure: unknown) => failure);
    assert.match((error as Error).stack ?? "", /slowBody/);
  });
  await clock.advance(50);
  await whole.join();
});

coroutineTest("times that are no time are refused before the body runs", async () => {
  const body = () => assert.fail("must not run");
  for (const bracket of [withDeadline, shield]) {
    for (const timeMs of [0, -1, Number.NaN]) await assert.rejects(bracket(timeMs, body), RangeError);
    await assert.rejects(bracket("5" as unknown as number, body), TypeError);
  }
  for (const timeMs of [-1, Number.NaN]) assert.throws(() => sleep(timeMs), RangeError);
});

coroutineTest("a time without end sets no timer", async () => {
  assert.equal(await withDeadline(Infinity, () => remainingMs()), Infinity);
  await scope(() => shield(Infinity, async () => {}));
});
