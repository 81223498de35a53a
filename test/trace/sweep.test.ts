/** `sweep`: it finds each fault that is planted, at the wait where it shows, and nothing in what has been mended. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LunetError, runRoot, scope, shield, sleep, spawn, suspend } from "lunet";
import { open, type Database } from "lunet/db";
import { type Handler, text } from "lunet/http";
import { describeSweep, InjectedFailure, sweep, type SweepProgress, type SweepReport } from "lunet/testing";
import { ended, findings, made, takeFindings, TRACE } from "lunet/trace";
import * as acquirePastDeadline from "./sweep-fixtures/acquire-past-deadline.ts";
import * as beginOutsideTry from "./sweep-fixtures/begin-outside-try.ts";
import * as finalizerSkipped from "./sweep-fixtures/finalizer-skipped.ts";
import * as rollbackFailed from "./sweep-fixtures/rollback-failed.ts";
import * as usedAfterCommit from "./sweep-fixtures/used-after-commit.ts";

const NOTHING = { setup: (): object => ({}) };

/** The findings in short: which fault at which wait, and what was found. */
function shortly(report: SweepReport): string[] {
  return report.findings.map(({ fault, at, operation, what }) => `${fault} ${at} ${operation}: ${what}`);
}

/** What must be the first finding of each planted fault; `#12` and the like are left out of account. */
const PLANTED = [
  {
    fault: beginOutsideTry,
    first: 'fail 2 begin: finding A: pooled connection "acquire" is still alive, and coroutine "the swept body" ends',
    line: /begin-outside-try\.ts:\d+:\d+ in body$/,
  },
  {
    fault: acquirePastDeadline,
    first: "cancel 1 acquire: the check fails: Cannot acquire: found the only connection in use for 500 ms, 1 waiting",
    line: /acquire-past-deadline\.ts:\d+:\d+ in acquireForEver$/,
  },
  {
    fault: usedAfterCommit,
    first: "cancel 2 begin: finding E: transaction is used after its end",
    line: /used-after-commit\.ts:\d+:\d+ in body$/,
  },
  {
    fault: rollbackFailed,
    first: 'cancel 2 begin: finding G: database connection "writer" comes back to its pool with a transaction open',
    line: /rollback-failed\.ts:\d+:\d+ in transaction$/,
    also: 'fail 10 rollback: finding G: database connection "writer" comes back to its pool with a transaction open',
  },
  {
    fault: finalizerSkipped,
    first:
      'fail 4 rollback: finding A: pooled connection "acquire" is still alive, and coroutine "the swept body" ends',
    line: /finalizer-skipped\.ts:\d+:\d+$/,
  },
] as const;

function traceTests(): void {
  for (const { fault, first, line, ...others } of PLANTED) {
    test(`finds ${fault.planted.name}, at the wait where it shows`, async () => {
      const report = await fault.planted.run();
      const found = shortly(report).map((one) => one.replaceAll(/ \(#\d+\)/g, ""));
      assert.equal(found[0], first, describeSweep(report));
      assert.match(report.findings[0]?.site ?? "", line);
      if ("also" in others) assert.ok(found.includes(others.also), describeSweep(report));
      assert.deepEqual(findings(), [], "what the sweep has found is taken");
    });

    test(`finds nothing in ${fault.mended.name}`, async () => {
      const report = await fault.mended.run();
      assert.deepEqual(report.findings, [], describeSweep(report));
      assert.equal(report.runs, 1 + 2 * report.waits);
    });
  }

  test("counts the waits of the clean run, and puts each kind of fault at each of them", async () => {
    const progress: string[] = [];
    const seen: string[] = [];
    const report = await sweep(
      {
        ...NOTHING,
        name: "two waits",
        body: async () => {
          for (const name of ["one", "two"]) {
            try {
              await wait(name);
              seen.push(name);
            } catch (error) {
              seen.push(`${name} ${outcomeOf(error)}`);
              throw error;
            }
          }
        },
      },
      { onProgress: ({ run, runs, fault, at }: SweepProgress) => progress.push(`${run}/${runs} ${fault} ${at}`) },
    );
    assert.deepEqual(
      { waits: report.waits, runs: report.runs, found: shortly(report) },
      { waits: 2, runs: 5, found: [] },
    );
    assert.deepEqual(progress, ["1/1 none 0", "2/5 cancel 1", "3/5 fail 1", "4/5 cancel 2", "5/5 fail 2"]);
    const cancelled = "Cancelled: a cancel that sweep put there";
    assert.deepEqual(seen, [
      "one",
      "two",
      `one ${cancelled}`,
      "one ERR_INJECTED",
      "one",
      `two ${cancelled}`,
      "one",
      "two ERR_INJECTED",
    ]);
  });

  test("puts only the kinds of fault that are asked for, and no failure where nothing can fail", async () => {
    const body = async (): Promise<void> => {
      await sleep(0);
      await scope(() => spawn(() => wait("child")).join());
    };
    const cancels = await sweep({ ...NOTHING, name: "cancels", body }, { faults: ["cancel"] });
    assert.deepEqual([cancels.waits, cancels.runs], [3, 4]);
    const fails = await sweep({ ...NOTHING, name: "fails", body }, { faults: ["fail"] });
    assert.deepEqual([fails.waits, fails.runs], [3, 2], "a sleep and a join do not fail");
  });

  test("stops with a kind of fault when its wait is not reached any more", async () => {
    let runs = 0;
    const body = async (): Promise<void> => {
      const waits = runs++ === 0 ? 5 : 2;
      for (let i = 0; i < waits; i++) await wait("one of some");
    };
    const report = await sweep({ ...NOTHING, name: "fewer waits", body });
    // The third of each kind is the first that is not reached.
    assert.deepEqual(
      { ...report, findings: shortly(report) },
      {
        name: "fewer waits",
        waits: 5,
        runs: 1 + 2 * 3,
        status: undefined,
        findings: [],
        isComplete: true,
      },
    );
  });

  test("waits of the setup, the check and the teardown do not count", async () => {
    const report = await sweep({
      name: "one wait",
      setup: () => wait("setup"),
      body: () => wait("body"),
      check: () => wait("check"),
      teardown: () => wait("teardown"),
    });
    assert.deepEqual([report.waits, report.runs, shortly(report)], [1, 3, []]);
  });

  test("a clean run that fails is a finding, and there is no other run", async () => {
    const body = (): never => {
      throw new Error("broken from the start");
    };
    const report = await sweep({ ...NOTHING, name: "broken", body });
    assert.deepEqual(shortly(report), ["none 0 : it fails: broken from the start"]);
    assert.equal(report.runs, 1);
    assert.match(describeSweep(report), /^broken: 1 found \(0 waits, 1 runs\)\n {2}the clean run\n {4}it fails/);
  });

  test("what the body throws is its own affair; what the check throws is a finding", async () => {
    const report = await sweep({
      name: "half done",
      setup: () => ({ begun: 0, done: 0 }),
      body: async (state) => {
        state.begun++;
        await wait("between");
        state.done++;
      },
      check: ({ begun, done }) => assert.ok(done === begun, "half of it was done"),
    });
    assert.deepEqual(shortly(report), [
      "cancel 1 between: the check fails: half of it was done",
      "fail 1 between: the check fails: half of it was done",
    ]);
  });

  test("something of the program's own that is left alive is found", async () => {
    const left: object[] = [];
    const report = await sweep({
      ...NOTHING,
      name: "a lock",
      body: async () => {
        const lock = {};
        left.push(lock);
        made("lock", lock);
        await wait("under lock");
        left.pop();
        ended("lock", lock);
      },
    });
    for (const lock of left) ended("lock", lock);
    assert.deepEqual(
      shortly(report).map((one) => one.replaceAll(/ \(#\d+\)/g, "")),
      [
        'cancel 1 under lock: finding A: lock is still alive, and coroutine "the swept body" ends',
        'fail 1 under lock: finding A: lock is still alive, and coroutine "the swept body" ends',
      ],
    );
  });

  test("a run that hangs is told with what it waits for, and is ended", async () => {
    const body = async (): Promise<void> => {
      try {
        await wait("answer");
      } catch (error) {
        if (error instanceof InjectedFailure) await suspend<never>("for another answer", () => () => {});
        throw error;
      }
    };
    const report = await sweep({ ...NOTHING, name: "hangs", timeoutMs: 50, body });
    assert.deepEqual(shortly(report), ["fail 1 answer: it hangs: 50 ms were not enough"]);
    assert.match(report.findings[0]?.details ?? "", /waits \d+ ms in for another answer, at .*sweep\.test\.ts:\d+/);
    assert.equal(report.isComplete, true);
  });

  test("a run that a cancel does not end is given up, and the sweep with it", async () => {
    const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
    const body = async (): Promise<void> => {
      try {
        await wait("answer");
      } finally {
        await shield(30_000, () =>
          suspend<void>("deaf", (resume) => {
            void isOver.then(resume);
            return undefined;
          }),
        );
      }
    };
    const deaf = { ...NOTHING, name: "deaf", timeoutMs: 50, body };
    const report = await sweep(deaf);
    end();
    assert.deepEqual(shortly(report).slice(0, 1), [
      "none 0 : it hangs, and a cancel does not end it: 50 ms were not enough",
    ]);
    assert.deepEqual([report.isComplete, report.runs], [false, 1]);
  });

  test("with reset one fixture serves every run, until one has found something", async () => {
    const events: string[] = [];
    const report = await sweep({
      name: "shared",
      setup: () => void events.push("setup"),
      reset: () => void events.push("reset"),
      body: () => wait("body"),
      check: () => {
        if (events.at(-1) === "reset" && events.length === 3) throw new Error("on order");
        events.push("check");
      },
      teardown: () => void events.push("teardown"),
    });
    assert.deepEqual(shortly(report), ["cancel 1 body: the check fails: on order"]);
    assert.deepEqual(events, ["setup", "check", "reset", "teardown", "setup", "check", "teardown"]);
  });

  test("a teardown that fails is a finding, and so is what the fixture leaves behind", async () => {
    const teardown = (): never => {
      throw new Error("cannot end");
    };
    const failing = await sweep({ ...NOTHING, name: "failing teardown", body: () => {}, teardown });
    assert.deepEqual(shortly(failing), ["none 0 : the teardown fails: cannot end"]);

    const left: Database[] = [];
    const setup = async (): Promise<{ readonly of: () => Database }> => {
      const database = await open("sqlite::memory:");
      left.push(database);
      return { of: () => database };
    };
    const leaving = await sweep({ name: "no teardown", setup, body: () => {} });
    assert.match(shortly(leaving)[0] ?? "", /^none 0 : finding A: database ":memory:" \(#\d+\) is still alive/);
    await runRoot(() => left[0]?.close());
    takeFindings();
  });

  test("a request is cancelled, failed and left at each wait of its handler, and is asked again", async () => {
    const told: unknown[] = [];
    const outcomes: string[] = [];
    const handler: Handler = async () => {
      try {
        await wait("work");
        outcomes.push("done");
        return text("done");
      } catch (error) {
        outcomes.push(outcomeOf(error));
        throw error;
      }
    };
    const report = await sweep({
      ...NOTHING,
      name: "a request",
      handler: () => handler,
      request: { path: "/work" },
      server: () => ({ onFailure: (error) => void told.push(error) }),
    });
    assert.deepEqual([report.waits, report.runs, report.status, shortly(report)], [1, 4, 200, []]);
    const cancel = "Cancelled: a cancel that sweep put there";
    assert.deepEqual(outcomes, [
      "done",
      "done",
      cancel,
      "done",
      "ERR_INJECTED",
      "done",
      "Cancelled: the client went away",
      "done",
    ]);
    assert.deepEqual(told, [], "what stems from the fault is told to nobody");
  });

  test("a handler that does not recover is found by the same request, sent again", async () => {
    const report = await sweep({
      name: "one at a time",
      setup: () => ({ isBusy: false }),
      handler: (state) => async () => {
        if (state.isBusy) return text("busy", { status: 503 });
        state.isBusy = true;
        await wait("work");
        state.isBusy = false;
        return text("done");
      },
      request: () => ({ path: "/" }),
    });
    const again = "the check fails: the same request again is answered with 503, wanted 200 as in the clean run";
    assert.deepEqual(shortly(report), [`cancel 1 work: ${again}`, `fail 1 work: ${again}`, `gone 1 work: ${again}`]);
  });

  test("a request that cannot be done twice may be answered otherwise the second time", async () => {
    const definition = {
      name: "delete",
      setup: () => ({ isThere: true }),
      handler: (state: { isThere: boolean }) => async () => {
        await wait("look");
        const status = state.isThere ? 200 : 404;
        state.isThere = false;
        return text("", { status });
      },
      request: { method: "DELETE" },
    };
    assert.match(shortly(await sweep(definition))[0] ?? "", /^none 0 : .* answered with 404, wanted 200/);
    assert.deepEqual(shortly(await sweep({ ...definition, againStatus: [404] })), []);
  });

  test("it is called outside coroutines, one at a time, with nothing found before", async () => {
    const nothing = { ...NOTHING, name: "nothing", body: () => {} };
    await runRoot(() => assert.rejects(sweep(nothing), TypeError));
    const first = sweep(nothing);
    await assert.rejects(sweep(nothing), { message: /found another sweep under way/ });
    await first;
    const lock = {};
    await runRoot(() => made("lock", lock, undefined, "left before"));
    ended("lock", lock);
    await assert.rejects(sweep(nothing), { message: /found findings from before, wanted none: [^]*left before/ });
    takeFindings();
    await assert.rejects(sweep({ ...nothing, setup: () => assert.fail("no fixture") }), { message: "no fixture" });
    assert.deepEqual((await sweep(nothing)).findings, []);
  });

  test("a failure that is injected says at which wait, and has a stable code", async () => {
    const caught: unknown[] = [];
    const body = (): Promise<void> => wait("one").catch((error: unknown) => void caught.push(error));
    await sweep({ ...NOTHING, name: "caught", body }, { faults: ["fail"] });
    const [error] = caught;
    assert.ok(error instanceof InjectedFailure);
    assert.deepEqual([error.code, error.operation], ["ERR_INJECTED", "one"]);
    assert.match(
      error.message,
      /^Cannot finish "one": found the failure that sweep put there, at test\/trace\/sweep\.test\.ts:/,
    );
  });
}

/** A wait that ends by itself, in the next turn of the event loop. */
function wait(operation: string): Promise<void> {
  return suspend<void>(operation, (resume) => {
    const turn = setImmediate(resume);
    return () => clearImmediate(turn);
  });
}

function outcomeOf(error: unknown): string {
  return error instanceof LunetError ? error.code : (error as Error).message;
}

test("the release build refuses to sweep, and says how to; the trace build does not", async () => {
  const swept = sweep({ ...NOTHING, name: "nothing", body: () => {} });
  if (TRACE) assert.equal((await swept).runs, 1);
  else {
    await assert.rejects(swept, {
      message: 'Cannot sweep "nothing": found the release build, wanted the trace build: node --conditions=lunet-trace',
    });
  }
});

if (TRACE) traceTests();
