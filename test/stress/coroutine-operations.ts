/** Waits, cancels, deadlines, shields and supervisors. */
import {
  isCancelled,
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
} from "lunet";
import { monotonicMs, sleepUntil, ticks } from "lunet/time";
import { check, IntendedError, type Operation } from "./world.ts";

/** Longer than any run: a wait that only a cancel ends. */
const FOR_EVER_MS = 3_600_000;
/** More than a cleanup needs on a busy machine. */
const BUDGET_MS = 20_000;

export const coroutineOperations: Readonly<Record<string, Operation>> = {
  async sleep(_world, random) {
    await sleep(random.below(5));
  },

  async "sleep until"(_world, random) {
    const atMs = monotonicMs() + random.below(4);
    await sleepUntil(atMs);
    const earlyMs = atMs - monotonicMs();
    check(earlyMs <= 0, () => `woke ${earlyMs} ms too early`);
  },

  async ticks(_world, random) {
    const wanted = 1 + random.below(3);
    for await (const tick of ticks(1)) if (tick >= wanted) break;
  },

  async "deadline that comes"(world, random) {
    const timeoutMs = 1 + random.below(4);
    await world.mustFail(["ERR_DEADLINE"], () => withDeadline(timeoutMs, () => sleep(FOR_EVER_MS)));
  },

  async "deadline that may come"(world, random) {
    const ms = 1 + random.below(3);
    await world.mayFail(["ERR_DEADLINE"], () => withDeadline(ms, () => sleep(ms)));
  },

  async "inner deadline"(world, random) {
    const outerMs = 1 + random.below(4);
    await world.mustFail(["ERR_DEADLINE"], () =>
      withDeadline(outerMs, () =>
        withDeadline(FOR_EVER_MS, async () => {
          check(remainingMs() <= outerMs, () => `found ${remainingMs()} ms left, wanted at most ${outerMs}`);
          await sleep(FOR_EVER_MS);
        }),
      ),
    );
  },

  async cancel(world, random) {
    const delayMs = random.below(4);
    let cleaned = false;
    const worker = spawn(async () => {
      try {
        await sleep(FOR_EVER_MS);
      } finally {
        cleaned = isCancelled();
      }
    });
    await sleep(delayMs);
    worker.cancel({ reason: "stress" });
    await world.mustFail(["ERR_COROUTINE_CANCELLED"], () => worker.join());
    check(cleaned && worker.state === "cancelled", () => `the cleanup did not run, state ${worker.state}`);
  },

  async "cancel a tree"(world, random) {
    const [width, depth] = [1 + random.below(3), 1 + random.below(3)];
    let begun = 0;
    let ended = 0;
    const grow = async (level: number): Promise<void> => {
      begun++;
      try {
        await scope(async () => {
          if (level > 0) for (let child = 0; child < width; child++) spawn(() => grow(level - 1));
          await sleep(FOR_EVER_MS);
        });
      } finally {
        ended++;
      }
    };
    const tree = spawn(() => grow(depth), { name: "tree" });
    await sleep(random.below(3));
    tree.cancel();
    await world.mustFail(["ERR_COROUTINE_CANCELLED"], () => tree.join());
    check(begun === ended, () => `found ${ended} ended coroutines, wanted ${begun}`);
  },

  async "graceful cancel that is heard"(_world, random) {
    const delayMs = random.below(3);
    const polite = spawn(async () => {
      const { reason } = await waitCancelRequest();
      await sleep(delayMs);
      return reason;
    });
    await sleep(delayMs);
    polite.cancel({ reason: "please", graceMs: BUDGET_MS });
    const reason = await polite.join();
    check(reason === "please", () => `found the reason ${String(reason)}`);
  },

  async "graceful cancel that is not heard"(world, random) {
    const deaf = spawn(() => sleep(FOR_EVER_MS));
    deaf.cancel({ graceMs: 1 + random.below(3) });
    await world.mustFail(["ERR_COROUTINE_CANCELLED"], () => deaf.join());
  },

  async "cancelled siblings"(world, random) {
    const count = 1 + random.below(6);
    const delayMs = random.below(3);
    let cancelled = 0;
    await world.mustFail(["INTENDED"], () =>
      scope(async () => {
        for (let sibling = 0; sibling < count; sibling++) {
          spawn(async () => {
            try {
              await sleep(FOR_EVER_MS);
            } finally {
              cancelled++;
            }
          });
        }
        spawn(async () => {
          await sleep(delayMs);
          throw new IntendedError("one fails");
        });
      }),
    );
    check(cancelled === count, () => `found ${cancelled} cancelled siblings, wanted ${count}`);
  },

  async "shielded cleanup"(world, random) {
    const timeoutMs = 1 + random.below(3);
    let isClean = false;
    await world.mustFail(["ERR_DEADLINE"], () =>
      withDeadline(timeoutMs, async () => {
        try {
          await sleep(FOR_EVER_MS);
        } finally {
          await shield(BUDGET_MS, async () => {
            await sleep(1);
            isClean = true;
          });
        }
      }),
    );
    check(isClean, () => "the shielded cleanup was cut off");
  },

  async "shield whose budget is used up"(world, random) {
    const budgetMs = 1 + random.below(3);
    await world.mustFail(["ERR_DEADLINE"], () => shield(budgetMs, () => sleep(FOR_EVER_MS)));
  },

  async until(_world, random) {
    const delayMs = random.below(3);
    const { promise, resolve } = Promise.withResolvers<number>();
    setTimeout(resolve, delayMs, delayMs);
    const value = await until(promise);
    check(value === delayMs, () => `found ${value}, wanted ${delayMs}`);
  },

  async "until that fails"(world) {
    await world.mustFail(["INTENDED"], () => until(Promise.reject(new IntendedError("foreign"))));
  },

  async "until that is left"(world, random) {
    const { promise, resolve } = Promise.withResolvers<void>();
    await world.mustFail(["ERR_DEADLINE"], () =>
      withDeadline(1 + random.below(3), async () => {
        try {
          await until(promise);
        } finally {
          // A foreign promise that still runs when its scope ends is told of. This one does not.
          resolve();
        }
      }),
    );
  },

  async supervise(_world, random) {
    const fates = Array.from({ length: 1 + random.below(6) }, () => random.below(3));
    const failures: string[] = [];
    let done = 0;
    await supervise(
      async () => {
        for (const fate of fates) {
          spawn(
            async () => {
              await sleep(fate);
              if (fate === 0) throw new IntendedError("supervised");
              done++;
            },
            { name: `fate ${fate}` },
          );
        }
      },
      { onFailure: (_error, name) => failures.push(name) },
    );
    const failing = fates.filter((fate) => fate === 0).length;
    check(failures.length === failing && done === fates.length - failing, () => `found ${failures.length} failures`);
  },

  async "many joiners"(_world, random) {
    const delayMs = random.below(3);
    const worker = spawn(async () => {
      await sleep(delayMs);
      return delayMs;
    });
    let joined = 0;
    await scope(async () => {
      for (let joiner = 0; joiner < 4; joiner++) {
        spawn(async () => {
          if ((await worker.join()) === delayMs) joined++;
        });
      }
    });
    check(joined === 4, () => `found ${joined} joiners, wanted 4`);
  },

  async "owned coroutine"(_world, random) {
    let ended = false;
    {
      await using _worker = spawn(async () => {
        try {
          await sleep(FOR_EVER_MS);
        } finally {
          ended = true;
        }
      });
      await sleep(random.below(3));
    }
    check(ended, () => "the coroutine lives on after its block");
  },

  async "value that comes too late"(world, random) {
    let disposals = 0;
    const late = { [Symbol.dispose]: () => void disposals++ };
    const comesMs = 1 + random.below(3);
    const givesUpMs = 1 + random.below(3);
    let got = 0;
    const code = await world.mayFail(["ERR_DEADLINE"], () =>
      withDeadline(givesUpMs, async () => {
        using _value = await suspend<Disposable>("late", (resume) => {
          setTimeout(resume, comesMs, late);
          return () => {};
        });
        got++;
      }),
    );
    // Whoever was in time disposes of it; what came too late is disposed of when it comes.
    const giveUpAtMs = monotonicMs() + BUDGET_MS;
    while (disposals === 0 && monotonicMs() < giveUpAtMs) await sleep(1);
    check(disposals === 1, () => `found ${disposals} disposals, wanted 1`);
    check(code !== undefined || got === 1, () => "the value was lost");
  },

  async "failure in a cleanup"(world) {
    await world.mustFail(["ERR_SCOPE_FAILED"], () =>
      scope(async () => {
        spawn(async () => {
          try {
            await sleep(FOR_EVER_MS);
          } finally {
            // oxlint-disable-next-line no-unsafe-finally -- a cleanup that fails is what is looked at
            throw new IntendedError("cleanup");
          }
        });
        await sleep(0);
        throw new IntendedError("body");
      }),
    );
  },
};
