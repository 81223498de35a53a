import assert from "node:assert/strict";
import { coroutineTest, withTestClock } from "../testing/mod.ts";
import { Cancelled, giveWay, scope, shield, spawn, suspend } from "./mod.ts";

const turn = () => suspend<void>("turn", (resume) => void setImmediate(resume));

coroutineTest(
  "a wait gives the value of resume, or throws the error of fail; the first call counts",
  async () => {
    assert.equal(
      await suspend<number>("now", (resume, fail) => {
        resume(1);
        resume(2);
        fail(new Error("too late"));
        return undefined;
      }),
      1,
    );
    await assert.rejects(
      suspend<number>("failing", (resume, fail) => {
        fail(new Error("first"));
        resume(1);
        return undefined;
      }),
      { message: "first" },
    );
  },
  { provokes: ["D"] },
);

coroutineTest("a start that throws fails the wait", async () => {
  await assert.rejects(
    suspend("broken", () => {
      throw new Error("start");
    }),
    { message: "start" },
  );
});

coroutineTest(
  "a value that wins the race against the cancel is delivered, and the cancel is met at the next wait",
  async () => {
    const events: string[] = [];
    let resumeWait: (value: string) => void = () => {};
    const child = spawn(async () => {
      const value = await suspend<string>("race", (resume) => {
        resumeWait = resume;
        return () => assert.fail("the wait is over");
      });
      events.push(value);
      await turn();
    });
    resumeWait("won");
    child.cancel();
    await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
    assert.deepEqual(events, ["won"]);
  },
);

coroutineTest(
  "what a cancel function still acquires is handed over",
  async () => {
    const child = spawn(() =>
      suspend<string>("acquire", (resume) => () => {
        resume("acquired");
      }),
    );
    child.cancel();
    assert.equal(await child.join(), "acquired");
  },
  { provokes: ["D"] },
);

coroutineTest("a cancel function that throws fails the wait with what it threw", async () => {
  await assert.rejects(
    scope(async () => {
      const child = spawn(() =>
        suspend<void>("broken", () => () => {
          throw new Error("cancel");
        }),
      );
      child.cancel();
    }),
    { message: "cancel" },
  );
});

coroutineTest(
  "a pending cancel goes on until its outcome, which counts",
  async () => {
    const outcomes: Record<
      string,
      (resume: (value: string) => void, fail: (error: unknown) => void, cancelled: Cancelled) => void
    > = {
      value: (resume) => resume("value"),
      failure: (_resume, fail) => fail(new Error("failure")),
      cancelled: (_resume, fail, cancelled) => fail(cancelled),
    };
    const seen: string[] = [];
    for (const [name, finish] of Object.entries(outcomes)) {
      const child = spawn(async () => {
        try {
          seen.push(
            await suspend<string>("pending", (resume, fail) => (cancelled) => {
              setImmediate(() => finish(resume, fail, cancelled));
              return "pending";
            }),
          );
        } catch (error) {
          seen.push(error instanceof Cancelled ? "Cancelled" : (error as Error).message);
        }
        return name;
      });
      child.cancel();
      assert.equal(child.state, "running");
      assert.equal(await child.join(), name);
    }
    assert.deepEqual(seen, ["value", "failure", "Cancelled"]);
  },
  { provokes: ["M"] },
);

coroutineTest("a cancel function is called once, also when a second cancel follows from further out", async () => {
  let calls = 0;
  const outer = spawn(async () => {
    const inner = spawn(() =>
      suspend<void>("pending", (_resume, fail) => (cancelled) => {
        calls++;
        setImmediate(fail, cancelled);
        return "pending";
      }),
    );
    inner.cancel();
    await turn().catch(() => {});
  });
  outer.cancel();
  await outer.join();
  assert.equal(calls, 1);
});

coroutineTest("an operation without a cancel function goes on to its outcome", async () => {
  let finish: (value: string) => void = () => {};
  const child = spawn(() =>
    suspend<string>("fixed", (resume) => {
      finish = resume;
      return undefined;
    }),
  );
  child.cancel();
  await turn();
  assert.equal(child.state, "running");
  finish("whole");
  assert.equal(await child.join(), "whole");
});

coroutineTest("a start that cancels its own scope is cancelled", async () => {
  let cancels = 0;
  const child = spawn(async () => {
    await turn();
    await suspend<void>("self", () => {
      child.cancel();
      return () => void cancels++;
    });
  });
  await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.equal(cancels, 1);
});

coroutineTest(
  "cancelling one operation may resume others, and all that are left are cancelled",
  async () => {
    const events: string[] = [];
    const resumes = new Map<number, () => void>();
    const child = spawn(() =>
      Promise.allSettled(
        [0, 1, 2, 3].map((index) =>
          suspend<void>(`wait ${index}`, (resume) => {
            resumes.set(index, resume);
            return () => {
              events.push(`cancel ${index}`);
              // Whichever way the waits are walked through, both neighbours go.
              resumes.get(index + 1)?.();
              resumes.get(index - 1)?.();
            };
          }),
        ),
      ),
    );
    child.cancel();
    const settled = await child.join();
    assert.equal(settled.length, 4);
    assert.deepEqual(events, ["cancel 3", "cancel 1"]);
  },
  { provokes: ["D", "M"] },
);

coroutineTest("a late value is disposed of, and the nearest living scope waits for it", async () => {
  const events: string[] = [];
  let deliver: (value: AsyncDisposable) => void = () => {};
  await scope(async () => {
    const child = spawn(() =>
      suspend<AsyncDisposable>("acquire", (resume) => {
        deliver = resume;
        return () => {};
      }),
    );
    child.cancel();
    await child.join().catch(() => events.push("cancelled"));
    deliver({
      async [Symbol.asyncDispose]() {
        await turn();
        events.push("disposed");
      },
    });
    events.push("body");
  });
  events.push("scope");
  assert.deepEqual(events, ["cancelled", "body", "disposed", "scope"]);
});

coroutineTest("a late value that cannot be disposed of fails the scope that waits for it", async () => {
  await assert.rejects(
    scope(async () => {
      let deliver: (value: Disposable) => void = () => {};
      const child = spawn(() =>
        suspend<Disposable>("acquire", (resume) => {
          deliver = resume;
          return () => {};
        }),
      );
      child.cancel();
      await child.join().catch(() => {});
      deliver({
        [Symbol.dispose]() {
          throw new Error("stuck");
        },
      });
    }),
    { message: "stuck" },
  );
});

coroutineTest("a late value without a disposer is dropped, whatever it is", async () => {
  for (const value of [undefined, null, 1, "text", {}]) {
    let deliver: (value: unknown) => void = () => {};
    const child = spawn(() =>
      suspend<unknown>("acquire", (resume) => {
        deliver = resume;
        return () => {};
      }),
    );
    child.cancel();
    await child.join().catch(() => {});
    deliver(value);
  }
});

coroutineTest("a cancel inside a shield ends with the shield's own scope", async () => {
  const value = await shield(1_000, async () => {
    const child = spawn(turn);
    child.cancel();
    await child.join().catch(() => {});
    return "on";
  });
  assert.equal(value, "on");
});

coroutineTest("giveWay lets what is ready have its turn, takes no time of a test clock, and is cancelled", async () => {
  const order: string[] = [];
  setImmediate(() => order.push("ready before"));
  await giveWay();
  order.push("after");
  assert.deepEqual(order, ["ready before", "after"]);
  const waiting = spawn(async () => {
    await giveWay();
    order.push("never");
  });
  waiting.cancel();
  await assert.rejects(waiting.join(), { code: "ERR_COROUTINE_CANCELLED" });
  await withTestClock(async (clock) => {
    const away = spawn(() => giveWay());
    assert.equal(clock.timers, 0);
    await away.join();
  });
  assert.deepEqual(order, ["ready before", "after"]);
});
