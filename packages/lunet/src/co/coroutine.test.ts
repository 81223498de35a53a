import assert from "node:assert/strict";
import { test } from "node:test";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import {
  cancelRequest,
  ensureCoroutine,
  inCoroutine,
  NotInCoroutineError,
  remainingMs,
  run,
  runRoot,
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

coroutineTest("spawn runs the body at once, up to its first wait", async () => {
  const events: string[] = [];
  const child = spawn(async () => {
    events.push("started");
    await suspend<void>("turn", (resume) => void setImmediate(resume));
    events.push("resumed");
  });
  events.push("spawned");
  await child.join();
  assert.deepEqual(events, ["started", "spawned", "resumed"]);
});

coroutineTest("join gives the value to everybody who asks, before and after the end", async () => {
  const child = spawn(async () => {
    await suspend<void>("turn", (resume) => void setImmediate(resume));
    return 42;
  });
  const joiners = [spawn(() => child.join()), spawn(() => child.join())];
  assert.equal(child.state, "running");
  assert.deepEqual(await Promise.all([...joiners.map((each) => each.join()), child.join()]), [42, 42, 42]);
  assert.equal(child.state, "done");
  assert.equal(await child.join(), 42);
});

coroutineTest("join of a failed coroutine throws its failure, and its state says so", async () => {
  const boom = new Error("boom");
  await supervise(
    async () => {
      const child = spawn(() => Promise.reject(boom));
      await assert.rejects(child.join(), (error) => error === boom);
      assert.equal(child.state, "failed");
      await assert.rejects(child.join(), (error) => error === boom);
    },
    { onFailure: () => {} },
  );
});

coroutineTest("a body that throws at once fails the coroutine, not spawn", async () => {
  await assert.rejects(
    scope(() => {
      const child = spawn(() => {
        throw new Error("at once");
      });
      assert.equal(child.state, "running", "its scope ends in a later microtask");
    }),
    { message: "at once" },
  );
});

coroutineTest("join of a cancelled coroutine throws an error that is no cancel, with the reason", async () => {
  const child = spawn(() => sleep(1_000), { name: "sleeper" });
  child.cancel({ reason: "enough" });
  await assert.rejects(child.join(), {
    name: "CoroutineCancelledError",
    code: "ERR_COROUTINE_CANCELLED",
    reason: "enough",
    message: 'Cannot join coroutine "sleeper": it was cancelled',
  });
});

coroutineTest("a coroutine that joins itself is refused, also from a scope inside it", async () => {
  const child = spawn(async () => {
    await suspend<void>("turn", (resume) => void setImmediate(resume));
    await assert.rejects(child.join(), TypeError);
    await scope(() => assert.rejects(child.join(), TypeError));
  });
  await child.join();
});

clockTest("leaving a join does not end the coroutine", async (clock) => {
  const child = spawn(() => sleep(100));
  const joiner = spawn(() => withDeadline(10, () => child.join()).catch((error: { code: string }) => error.code));
  await clock.advance(10);
  assert.equal(await joiner.join(), "ERR_DEADLINE");
  assert.equal(child.state, "running");
  await clock.advance(90);
  assert.equal(child.state, "done");
});

coroutineTest("a coroutine is called by its function or as it is told", async () => {
  async function fetchRows(): Promise<void> {}
  assert.equal(spawn(fetchRows).name, "fetchRows");
  assert.equal(spawn(async () => {}).name, "anonymous");
  assert.equal(spawn(fetchRows, { name: "rows" }).name, "rows");
});

coroutineTest("a promise that nobody awaits fails the scope that it was made in", async () => {
  // The test runner takes every unhandled rejection for a failure of the test; here lunet alone is asked.
  const others = process
    .listeners("unhandledRejection")
    .filter((listener) => !String(listener).includes("take(error)"));
  for (const listener of others) process.off("unhandledRejection", listener);
  try {
    const events: string[] = [];
    await assert.rejects(
      scope(async () => {
        spawn(async () => {
          try {
            await sleep(1_000);
          } finally {
            events.push("sibling");
          }
        });
        void Promise.reject(new Error("floating"));
        await sleep(1_000);
      }),
      { message: "floating" },
    );
    assert.deepEqual(events, ["sibling"]);

    const child = spawn(async () => {
      const left = (async () => sleep(1_000))();
      await sleep(1_000);
      await left;
    });
    child.cancel();
    await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
    await new Promise(setImmediate);
  } finally {
    for (const listener of others) process.on("unhandledRejection", listener);
  }
});

test("every wait is refused outside a coroutine, by name, before it has any effect", async () => {
  const body = () => assert.fail("must not run");
  const operations: Record<string, () => unknown> = {
    ensureCoroutine: () => ensureCoroutine("ensureCoroutine"),
    suspend: () => suspend("suspend", body),
    sleep: () => sleep(1),
    until: () => until(Promise.resolve()),
    spawn: () => spawn(body),
    scope: () => scope(body),
    supervise: () => supervise(body),
    shield: () => shield(1, body),
    withDeadline: () => withDeadline(1, body),
    cancelRequest: () => cancelRequest(),
    waitCancelRequest: () => waitCancelRequest(),
    remainingMs: () => remainingMs(),
  };
  assert.equal(inCoroutine(), false);
  for (const [name, operation] of Object.entries(operations)) {
    await assert.rejects(
      async () => operation(),
      (error) => error instanceof NotInCoroutineError && error.message.includes(`"${name}"`),
    );
  }
  const handle = await runRoot(() => spawn(() => 1));
  assert.throws(() => handle.join(), NotInCoroutineError);
});

coroutineTest("ensureCoroutine lets a coroutine pass", async () => {
  ensureCoroutine("anything");
  assert.equal(inCoroutine(), true);
});

test("runRoot gives the value, or throws what the body threw, and leaves the exit status alone", async () => {
  const boom = new Error("boom");
  const before = process.exitCode;
  assert.equal(await runRoot(async () => "value"), "value");
  await assert.rejects(
    runRoot(() => {
      throw boom;
    }),
    (error) => error === boom,
  );
  assert.equal(process.exitCode, before);
});

test("run maps the outcome to a status, and can leave the process's alone", async () => {
  const reports: string[] = [];
  const statusOf = (main: () => unknown) =>
    run(main, { setExitStatus: false, onFailure: (report) => reports.push(report) });
  assert.equal(await statusOf(async () => {}), 0);
  assert.equal(await statusOf(() => 3), 3);
  assert.equal(await statusOf(() => 255), 255);
  for (const odd of [256, -1, 1.5, Number.NaN, "3", true]) assert.equal(await statusOf(() => odd), 0);
  assert.deepEqual(reports, []);
  assert.equal(await statusOf(() => Promise.reject(new Error("boom"))), 1);
  assert.match(reports[0] ?? "", /^lunet: uncaught failure: Error: boom\n/);
});

test("a report has every failure of a scope, and the causes", async () => {
  const reports: string[] = [];
  await run(
    async () => {
      spawn(() => Promise.reject(new Error("second", { cause: new Error("why") })));
      throw new Error("first");
    },
    { setExitStatus: false, onFailure: (report) => reports.push(report) },
  );
  assert.match(
    reports[0] ?? "",
    /uncaught failure: Error: first\n[^]*uncaught failure: Error: second\n[^]*caused by: Error: why/,
  );
});

test("a report has the failures that stand behind others, and none of the cancels", async () => {
  const reports: string[] = [];
  const failures = async (body: () => unknown) => {
    await run(body, { setExitStatus: false, onFailure: (report) => reports.push(report) });
    return [...(reports.pop() ?? "").matchAll(/uncaught failure: \w*Error: (.*)/g)].map((match) => match[1]);
  };
  const broken = (text: string): AsyncDisposable => ({
    [Symbol.asyncDispose]: () => Promise.reject(new Error(text)),
  });
  assert.deepEqual(
    await failures(async () => {
      spawn(async () => {
        await using _resource = broken("cleanup of the coroutine");
        await sleep(60_000);
      });
      await using _outer = broken("outer");
      await using _inner = broken("inner");
      throw new Error("body");
    }),
    ["body", "inner", "outer", "cleanup of the coroutine"],
  );
  assert.deepEqual(
    await failures(() => Promise.any([Promise.reject(new Error("one")), Promise.reject(new Error("two"))])),
    ["one", "two"],
  );
});

test("a failure that names no other is reported as it is", async () => {
  const reports: string[] = [];
  await run(() => Promise.any([]), { setExitStatus: false, onFailure: (report) => reports.push(report) });
  assert.match(reports[0] ?? "", /^lunet: uncaught failure: AggregateError/);
});

test("a report ends when the causes form a circle", async () => {
  const reports: string[] = [];
  const circle = new Error("circle");
  circle.cause = circle;
  await run(() => Promise.reject(circle), { setExitStatus: false, onFailure: (report) => reports.push(report) });
  assert.match(reports[0] ?? "", /caused by: Error: circle/);
});

coroutineTest("run inside a coroutine is refused", async () => {
  await assert.rejects(
    runRoot(() => 1),
    TypeError,
  );
});

coroutineTest(
  "whoever is cancelled while it joins what the same cancel has ended is cancelled, and has not failed",
  async () => {
    const tree = spawn(async () => {
      await scope(async () => {
        const child = spawn(() => sleep(60_000));
        const { promise, resolve } = Promise.withResolvers<void>();
        child.join().then(resolve, () => resolve());
        // Out of reach of the cancel, until the child has ended.
        await shield(5_000, () => until(promise));
        await child.join();
      });
    });
    await sleep(0);
    tree.cancel();
    await assert.rejects(tree.join(), { code: "ERR_COROUTINE_CANCELLED" });
    assert.equal(tree.state, "cancelled");
  },
);
