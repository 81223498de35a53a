import assert from "node:assert/strict";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import { scope, ScopeEndedError, ScopeError, shield, sleep, spawn, supervise, suspend, withDeadline } from "./mod.ts";

coroutineTest("a scope gives what its body returns", async () => {
  assert.equal(await scope(() => 1), 1);
  assert.equal(await scope(async () => 2), 2);
});

clockTest("a scope ends after its coroutines, and theirs", async (clock) => {
  const events: string[] = [];
  const whole = spawn(async () => {
    await scope(async () => {
      spawn(async () => {
        spawn(async () => {
          await sleep(30);
          events.push("grandchild");
        });
        await sleep(10);
        events.push("child");
      });
      events.push("body");
    });
    events.push("scope");
  });
  await clock.advance(30);
  assert.deepEqual(events, ["body", "child", "grandchild", "scope"]);
  assert.equal(whole.state, "done");
});

clockTest("a scope ends before the code after it, though its body returned long ago", async (clock) => {
  let ended = false;
  const whole = spawn(async () => {
    await scope(() => void spawn(() => sleep(100)));
    ended = true;
  });
  await clock.advance(99);
  assert.equal(ended, false);
  await clock.advance(1);
  assert.equal(ended, true);
  await whole.join();
});

clockTest(
  "the first failure of a coroutine cancels its siblings and the body, which clean up before it is thrown",
  async (clock) => {
    const events: string[] = [];
    const boom = new Error("boom");
    const whole = spawn(async () => {
      try {
        await scope(async () => {
          spawn(async () => {
            try {
              await sleep(1_000);
            } finally {
              events.push("sibling");
            }
          });
          spawn(async () => {
            await sleep(10);
            throw boom;
          });
          try {
            await sleep(1_000);
          } finally {
            events.push("body");
          }
        });
      } catch (error) {
        assert.equal(error, boom);
        events.push("thrown");
      }
    });
    await clock.advance(10);
    assert.deepEqual(events.slice(0, 2).sort(), ["body", "sibling"]);
    assert.equal(events[2], "thrown");
    await whole.join();
  },
);

coroutineTest("a failure of the body cancels the coroutines, and is thrown as it is", async () => {
  const events: string[] = [];
  const boom = new Error("boom");
  await assert.rejects(
    scope(async () => {
      spawn(async () => {
        try {
          await sleep(1_000);
        } finally {
          events.push("cleaned");
        }
      });
      throw boom;
    }),
    (error) => error === boom,
  );
  assert.deepEqual(events, ["cleaned"]);
});

coroutineTest("failures of the cleanup join the first one, in the order they happened", async () => {
  const first = new Error("first");
  const failing = async (text: string, turns: number) => {
    try {
      await sleep(1_000);
    } finally {
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      // eslint-disable-next-line no-unsafe-finally
      throw new Error(text);
    }
  };
  await assert.rejects(
    scope(async () => {
      spawn(() => failing("third", 10));
      spawn(() => failing("second", 0));
      throw first;
    }),
    (error) => {
      assert.ok(error instanceof ScopeError);
      assert.equal(error.code, "ERR_SCOPE_FAILED");
      assert.deepEqual(
        error.errors.map((each) => (each as Error).message),
        ["first", "second", "third"],
      );
      assert.equal(error.cause, first);
      assert.equal(error.errors[0], first);
      return true;
    },
  );
});

coroutineTest("an error that came out of a coroutine and again out of its join counts once", async () => {
  const boom = new Error("boom");
  await assert.rejects(
    scope(async () => {
      const child = spawn(async () => {
        throw boom;
      });
      await child.join();
    }),
    (error) => error === boom,
  );
});

coroutineTest("two waits of one coroutine end together when one fails", async () => {
  const events: string[] = [];
  const boom = new Error("boom");
  await assert.rejects(
    scope(async () => {
      await Promise.all([
        suspend<void>("failing", (_resume, fail) => {
          queueMicrotask(() => fail(boom));
          return undefined;
        }),
        suspend<void>("long", () => () => void events.push("long cancelled")),
      ]);
    }),
    (error) => error === boom,
  );
  assert.deepEqual(events, ["long cancelled"]);
});

clockTest(
  "an inner scope that nobody awaits is waited for",
  async (clock) => {
    const events: string[] = [];
    const whole = spawn(async () => {
      await scope(() => {
        void scope(async () => {
          await sleep(50);
          events.push("inner");
        });
      });
      events.push("outer");
    });
    await clock.advance(50);
    assert.deepEqual(events, ["inner", "outer"]);
    await whole.join();
  },
  { provokes: ["F"] },
);

coroutineTest(
  "a wait that nobody awaits is cancelled when its scope ends, before the scope does",
  async () => {
    const events: string[] = [];
    await scope(() => {
      void suspend<void>("left", () => () => void events.push("cancelled")).catch(() => events.push("thrown"));
      events.push("body");
    });
    events.push("scope");
    assert.deepEqual(events, ["body", "cancelled", "thrown", "scope"]);
  },
  { provokes: ["F"] },
);

coroutineTest(
  "what a wait that nobody awaits does in its cleanup is cancelled with it, and spoils nothing",
  async () => {
    let started = false;
    await scope(() => {
      void suspend<void>("left", () => () => {}).catch(() => {
        spawn(async () => {
          started = true;
          await sleep(1_000);
        });
      });
    });
    assert.equal(started, true);
  },
  { provokes: ["F"] },
);

coroutineTest(
  "a scope waits for a wait that nobody awaits and that cannot be cancelled",
  async () => {
    const events: string[] = [];
    let finish = () => {};
    const whole = spawn(async () => {
      await scope(() => {
        void suspend<void>("fixed", (resume) => {
          finish = resume;
          return undefined;
        });
      });
      events.push("scope");
    });
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    assert.deepEqual(events, []);
    finish();
    await whole.join();
    assert.deepEqual(events, ["scope"]);
  },
  { provokes: ["F"] },
);

coroutineTest(
  "the loser of a race is cancelled at the end of the scope and spoils nothing",
  async () => {
    const value = await scope(() =>
      Promise.race([
        suspend<string>("loser", () => () => {}),
        suspend<string>("winner", (resume) => {
          resume("won");
          return undefined;
        }),
      ]),
    );
    assert.equal(value, "won");
  },
  { provokes: ["F"] },
);

coroutineTest(
  "nothing can be started or awaited in a scope that has ended",
  async () => {
    let late: (() => Promise<void>) | undefined;
    const codes: string[] = [];
    const attempt = async (action: () => unknown) => {
      try {
        await action();
      } catch (error) {
        assert.ok(error instanceof ScopeEndedError);
        codes.push(error.code);
      }
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    await scope(() => {
      late = async () => {
        await promise;
        const body = () => assert.fail("must not run");
        await attempt(() => spawn(body));
        await attempt(() => sleep(1));
        await attempt(() => scope(body));
        await attempt(() => supervise(body));
        await attempt(() => shield(1, body));
        await attempt(() => withDeadline(1, body));
      };
      // Its context stays this scope's, beyond the scope's end.
      const inContext = late();
      late = () => inContext;
    });
    resolve();
    await late?.();
    assert.deepEqual(codes, Array(6).fill("ERR_SCOPE_ENDED"));
  },
  { provokes: ["F"] },
);

coroutineTest("a supervisor reports each failure with the coroutine's name, and the others go on", async () => {
  const reports: [string, string][] = [];
  const events: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const value = await supervise(
    async () => {
      spawn(
        async () => {
          throw new Error("one");
        },
        { name: "broken" },
      );
      spawn(async () => {
        await promise;
        events.push("went on");
      });
      await new Promise(setImmediate);
      resolve();
      return "value";
    },
    { onFailure: (error, name) => reports.push([name, (error as Error).message]) },
  );
  assert.equal(value, "value");
  assert.deepEqual(reports, [["broken", "one"]]);
  assert.deepEqual(events, ["went on"]);
});

coroutineTest("a supervisor ends with all of it when its body fails, or its report does", async () => {
  const events: string[] = [];
  const waiting = async () => {
    try {
      await sleep(1_000);
    } finally {
      events.push("cleaned");
    }
  };
  await assert.rejects(
    supervise(() => {
      spawn(waiting);
      throw new Error("body");
    }),
    { message: "body" },
  );
  await assert.rejects(
    supervise(
      async () => {
        spawn(waiting);
        spawn(() => Promise.reject(new Error("child")));
        await sleep(1_000);
      },
      {
        onFailure: () => {
          throw new Error("report");
        },
      },
    ),
    { message: "report" },
  );
  assert.deepEqual(events, ["cleaned", "cleaned"]);
});

coroutineTest("a supervisor reports nothing about a coroutine that was cancelled", async () => {
  await supervise(
    () => {
      spawn(() => sleep(1_000)).cancel();
    },
    { onFailure: () => assert.fail("reported") },
  );
});

coroutineTest("a handle is disposed of after what was made later, and before what was made earlier", async () => {
  const events: string[] = [];
  const resource = (name: string): AsyncDisposable => ({
    async [Symbol.asyncDispose]() {
      await shield(100, () =>
        suspend<void>("goodbye", (resume) => {
          queueMicrotask(resume);
          return undefined;
        }),
      );
      events.push(name);
    },
  });
  const whole = spawn(async () => {
    await using _outer = resource("outer");
    await scope(async () => {
      await using _inner = resource("inner");
      await sleep(1_000);
    });
  });
  whole.cancel();
  await assert.rejects(whole.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.deepEqual(events, ["inner", "outer"]);
});
