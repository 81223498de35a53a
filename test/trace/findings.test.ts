/**
 * What the trace build finds, class by class, in programs of their own: each has a fault planted, and a twin in which it is
 * mended. The first must stop with the class, the line and the owner; the second must run through with its books even; and
 * the release build must notice neither.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { markedLines, type Outcome, readReport, runFixture, sectionOf, type TraceReport } from "./fixture-program.ts";

const STOPPED = 134;

interface Case {
  /** The fault, as a sentence. */
  readonly fault: string;
  readonly fixture: string;
  readonly class: string;
  /** What the report says besides the class and the planted line: who, above all. */
  readonly says: readonly string[];
  /** Whom it must not name. */
  readonly omits?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
}

const LOOP = { LUNET_TRACE_LOOP_MS: "150" };

const CASES: readonly Case[] = [
  {
    fault: "a file that nobody closes",
    fixture: "a-file-left-open",
    class: "A",
    says: ['coroutine "reads a line"', "is still alive"],
  },
  {
    fault: "a connection that the way of an error does not close",
    fixture: "a-connection-left-on-error",
    class: "A",
    says: ['scope "scope" of coroutine "visitor"'],
  },
  {
    fault: "a reader that the close of what it reads forgets",
    fixture: "a-reader-forgotten-by-close",
    class: "A",
    says: ['mailbox.read of scope "withDeadline" of coroutine "reader"', "still waits on mailbox"],
  },
  {
    fault: "a file that the handler of a request leaves open",
    fixture: "a-file-left-by-handler",
    class: "A",
    says: ["file "],
  },
  {
    fault: "a thing that was made outside every coroutine and lives at exit",
    fixture: "a-left-at-exit",
    class: "A",
    says: ['cache "sessions"', "at the end of the program"],
  },
  {
    fault: "a file that was dropped in a scope that lives long",
    fixture: "b-file-dropped",
    class: "B",
    says: ["was never ended"],
  },
  {
    fault: "a transaction that is held while its coroutine waits for something else",
    fixture: "c-transaction-held",
    class: "C",
    says: ["transaction (#", 'coroutine "stores the answer"', "limit is 150 ms"],
    settings: { LUNET_TRACE_HELD_MS: "transaction=150" },
  },
  {
    fault: "a pooled connection that is held for long",
    fixture: "c-lease-held",
    class: "C",
    says: ["pooled connection", 'coroutine "reads slowly"', "limit is 150 ms"],
    settings: { LUNET_TRACE_HELD_MS: "lease=150,transaction=0" },
  },
  {
    fault: "a lock of the program's own that is held for long",
    fixture: "c-lock-held",
    class: "C",
    says: ['lock "the till"', 'coroutine "cashier"', "limit is 150 ms"],
    settings: { LUNET_TRACE_HELD_MS: "lock=150" },
  },
  {
    fault: "a lock that is released twice",
    fixture: "d-lock-released-twice",
    class: "D",
    says: ['lock "the till"', "ended a second time", 'coroutine "cashier"'],
  },
  {
    fault: "a wait that is resumed twice",
    fixture: "d-wait-resumed-twice",
    class: "D",
    says: ['resume() was called on the wait "line"', 'coroutine "listener"'],
  },
  {
    fault: "a file that is closed twice",
    fixture: "d-file-closed-twice",
    class: "D",
    says: ["closed a second time", 'coroutine "closes too often"'],
  },
  {
    fault: "a read of a file after its close",
    fixture: "e-file-read-after-close",
    class: "E",
    says: ["file ", 'coroutine "reads on"'],
  },
  {
    fault: "a write to a connection after its close",
    fixture: "e-connection-write-after-close",
    class: "E",
    says: ["connection (#", 'coroutine "writes on"'],
  },
  {
    fault: "a statement on a transaction after its commit",
    fixture: "e-transaction-after-commit",
    class: "E",
    says: ["transaction (#", 'coroutine "writes notes"'],
  },
  {
    fault: "a prepared statement after the transaction that it was prepared on",
    fixture: "e-statement-after-transaction",
    class: "E",
    says: ["transaction (#", 'coroutine "writes notes"'],
  },
  {
    fault: "a query on a database after its close",
    fixture: "e-query-on-closed-database",
    class: "E",
    says: ['database ":memory:"', 'coroutine "asks on"'],
  },
  {
    fault: "a close that destroys what it still holds",
    fixture: "e-goodbye-on-closed-connection",
    class: "E",
    says: ["connection (#", 'coroutine "talks"'],
  },
  {
    fault: "a sleep that nobody awaits",
    fixture: "f-sleep-not-awaited",
    class: "F",
    says: ["the promise of sleep", 'coroutine "in a hurry"'],
  },
  {
    fault: "an inner scope that nobody awaits",
    fixture: "f-scope-not-awaited",
    class: "F",
    says: ['the scope "scope" still runs', 'coroutine "in a hurry"'],
  },
  {
    fault: "a call that goes on after its scope has ended",
    fixture: "f-goes-on-after-its-scope",
    class: "F",
    says: ['"sleep" is called', 'coroutine "refreshes", has ended'],
  },
  {
    fault: "a connection that comes back to its pool with a transaction open",
    fixture: "g-connection-back-in-transaction",
    class: "G",
    says: ["comes back to its pool with a transaction open", 'coroutine "driver"'],
  },
  {
    fault: "a transaction that has no end",
    fixture: "g-transaction-without-end",
    class: "G",
    says: ['transaction "books a seat"', 'scope "scope" of coroutine "books"'],
  },
  {
    fault: "a connection that a sibling writes to",
    fixture: "h-connection-written-by-sibling",
    class: "H",
    says: ['is used by coroutine "guest"', 'belongs to coroutine "host"'],
  },
  {
    fault: "a file that a sibling reads",
    fixture: "h-file-read-by-sibling",
    class: "H",
    says: ['is used by coroutine "reader"', 'belongs to coroutine "opener"'],
  },
  {
    fault: "a check that leaves something behind",
    fixture: "i-check-leaves-probe",
    class: "I",
    says: ["check left probe", 'coroutine "checks"'],
  },
  {
    fault: "an operation that leaves the file open that it measured",
    fixture: "i-operation-leaves-file",
    class: "I",
    says: ['size left file "left behind"', 'coroutine "measures"'],
  },
  {
    fault: "two coroutines that join each other",
    fixture: "k-two-join-each-other",
    class: "K",
    says: ["2 coroutines", 'coroutine "cook"', 'coroutine "waiter"'],
  },
  {
    fault: "a writer that waits for one that waits to write",
    fixture: "k-writer-joins-waiting-writer",
    class: "K",
    says: ["2 coroutines", 'coroutine "sale"', 'coroutine "audit"', "the writers of database"],
    // It waits for the two, and they do not wait for it.
    omits: ["the root"],
  },
  {
    fault: "a pool whose holders all wait for one connection more",
    fixture: "k-readers-exhausted",
    class: "K",
    says: ["2 coroutines", 'coroutine "left"', 'coroutine "right"', "the readers of database"],
  },
  {
    fault: "a coroutine that holds the loop up to its next wait",
    fixture: "l-loop-held",
    class: "L",
    says: ['coroutine "thumbnails"', "limit is 150 ms"],
    settings: LOOP,
  },
  {
    fault: "a coroutine that holds the loop up to its end",
    fixture: "l-loop-held-to-the-end",
    class: "L",
    says: ['coroutine "thumbnails"', "limit is 150 ms"],
    omits: ["the root"],
    settings: LOOP,
  },
  {
    fault: "a coroutine that holds the loop up to an inner scope",
    fixture: "l-loop-held-before-inner-scope",
    class: "L",
    says: ['coroutine "thumbnails"', "limit is 150 ms"],
    settings: LOOP,
  },
  {
    fault: "a coroutine that holds the loop after it has started one that ends at once",
    fixture: "l-loop-held-after-spawn",
    class: "L",
    says: ['coroutine "thumbnails"', "limit is 150 ms"],
    omits: ['"quick"'],
    settings: LOOP,
  },
  {
    fault: "a catch that swallows a cancel",
    fixture: "m-cancel-swallowed",
    class: "M",
    says: ['coroutine "worker" was cancelled in sleep'],
  },
  {
    fault: "a file that one coroutine leaves open beside busy neighbours",
    fixture: "leak-beside-a-busy-neighbour",
    class: "A",
    says: ['coroutine "leaky"'],
    omits: ['neighbour"'],
  },
];

/** Programs that run at once: the machine has others to serve. */
const CONCURRENCY = 2;

describe("in the trace build", { concurrency: CONCURRENCY }, () => {
  for (const one of CASES) {
    test(`${one.class}: ${one.fault} stops the program and is named`, () => assertFound(one));
    test(`${one.class}: without ${one.fault} the program runs through`, () => assertMended(one));
  }
});

describe("in the release build", { concurrency: CONCURRENCY }, () => {
  for (const { fault, fixture } of CASES) {
    test(`${fault} goes unnoticed, and so does its absence`, async () => {
      const unnoticed = { status: 0, signal: null, stdout: "", stderr: "" };
      assert.deepEqual(await runFixture(fixture, "planted", { build: "release" }), unnoticed);
      assert.deepEqual(await runFixture(fixture, "mended", { build: "release" }), unnoticed);
    });
  }
});

async function assertFound(one: Case): Promise<void> {
  const outcome = await trace(one.fixture, "planted", one.settings);
  const { stderr } = outcome;
  const report = readReport(stderr);
  assert.equal(outcome.status, STOPPED, stderr);
  assert.deepEqual(report.classes, [one.class], stderr);
  for (const line of markedLines(one.fixture, "planted")) assertNames(report, line);
  for (const line of markedLines(one.fixture, "ended")) assertNames(report, `at ${line}`);
  for (const text of one.says) assertNames(report, text);
  for (const text of one.omits ?? []) assert.ok(!report.findings.includes(text), `names ${text}: ${stderr}`);
}

function assertNames(report: TraceReport, text: string): void {
  // The number tells coroutines of one name apart; a test knows them by their names.
  const findings = report.findings.replaceAll(/" \(#\d+\)/g, '"');
  assert.ok(findings.includes(text), `does not name ${text}: ${report.findings}`);
}

async function assertMended({ fixture, settings }: Case): Promise<void> {
  assertClean(await trace(fixture, "mended", settings));
}

/** Nothing was found, nothing is left, and as much was ended as was made. */
function assertClean({ status, stdout, stderr }: Outcome): void {
  const report = readReport(stderr);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "");
  assert.equal(report.findings, "");
  assert.match(report.rest, /^checks: \d+ passed, 0 failed\n$/);
  assert.ok(report.rows.length > 0, stderr);
  for (const { label, made, ended, live } of report.rows) {
    assert.deepEqual({ label, ended, live }, { label, ended: made, live: 0 });
  }
}

function trace(fixture: string, variant: string, settings: Case["settings"] = {}): Promise<Outcome> {
  return runFixture(fixture, variant, { build: "trace", settings });
}

describe("what becomes of findings", { concurrency: CONCURRENCY }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lunet-baseline-"));
  after(() => rmSync(folder, { recursive: true }));
  let files = 0;

  function baseline(content: string | object): Readonly<Record<string, string>> {
    const path = join(folder, `${++files}.json`);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return { LUNET_TRACE_BASELINE: path };
  }

  const fixture = "a-file-left-open";
  const [line = ""] = markedLines(fixture, "planted");
  const site = line.slice(0, -1);
  const known = { class: "A", site, reason: "the next release closes it", expires: "2999-12-31" };

  test("a promise that lunet did not make and that still runs is told, and stops nothing", async () => {
    const { status, stderr } = await trace("f-foreign-promise-left", "planted");
    const report = readReport(stderr);
    assert.equal(status, 0, stderr);
    assert.deepEqual(report.classes, []);
    const told = sectionOf(report, "not ours, which stops nothing:");
    assert.equal(told.length, 1, stderr);
    assert.match(told[0] ?? "", /^F a promise that lunet did not make still runs, and scope "withDeadline"/);
    assert.ok(told[0]?.includes(markedLines("f-foreign-promise-left", "planted")[0] ?? "?"), stderr);
    assertClean(await trace("f-foreign-promise-left", "mended"));
    for (const variant of ["planted", "mended"]) {
      const outcome = await runFixture("f-foreign-promise-left", variant, { build: "release" });
      assert.deepEqual(outcome, { status: 0, signal: null, stdout: "", stderr: "" });
    }
  });

  test("a finding that the baseline knows is told with its reason, and stops nothing", async () => {
    const { status, stderr } = await trace(fixture, "planted", baseline([known]));
    const report = readReport(stderr);
    assert.equal(status, 0, stderr);
    assert.deepEqual(report.classes, []);
    const told = sectionOf(report, "known to the baseline:");
    assert.equal(told.length, 1, stderr);
    assert.ok(told[0]?.startsWith("A file "), stderr);
    assert.ok(told[0]?.includes(line), stderr);
    assert.ok(told[0]?.endsWith(": the next release closes it (until 2999-12-31)"), stderr);
  });

  test("a finding whose row in the baseline has expired stops the program", async () => {
    const { status, stderr } = await trace(fixture, "planted", baseline([{ ...known, expires: "2020-01-01" }]));
    assert.equal(status, STOPPED, stderr);
    assert.deepEqual(readReport(stderr).classes, ["A"]);
  });

  test("a row of the baseline for another line lets nothing pass", async () => {
    const other = baseline([
      { ...known, site: `${site}0` },
      { ...known, site: site.slice(0, -1) },
    ]);
    const { status, stderr } = await trace(fixture, "planted", other);
    assert.equal(status, STOPPED, stderr);
  });

  test("a baseline that cannot be read ends the program at its start, with what is wrong", async () => {
    const cases: ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp]> = [
      [
        { LUNET_TRACE_BASELINE: join(folder, "missing.json") },
        /Cannot read the trace baseline ".*missing\.json": .*ENOENT/,
      ],
      [baseline("[{"), /Cannot read the trace baseline ".*\.json": SyntaxError/],
      [baseline({}), /Cannot read the trace baseline ".*": found no list, wanted one of rows/],
      [
        baseline([known, { ...known, reason: " " }]),
        /Cannot read row 2 of the trace baseline ".*": found .*, wanted .*"reason"/,
      ],
    ];
    for (const [settings, message] of cases) {
      // There is nothing to find: it must not take a finding to see that.
      const { status, stderr } = await trace(fixture, "mended", settings);
      assert.match(stderr, message);
      assert.equal(status, 1, stderr);
    }
  });

  test("findings that are collected are told at the end, each once, and then the status tells of them", async () => {
    const { status, stderr } = await trace("several-faults", "planted", { LUNET_TRACE_FINDINGS: "collect" });
    const report = readReport(stderr);
    assert.equal(status, STOPPED, stderr);
    assert.ok(stderr.startsWith("lunet trace: summary\n"), stderr);
    assert.deepEqual([...report.classes].sort(), ["A", "E", "F"]);
    assert.match(report.rest, /finding A, still alive when its scope ends, 2 times\n/);
    assert.match(report.rest, /^checks: \d+ passed, 4 failed$/m);
    for (const planted of markedLines("several-faults", "planted")) assert.ok(report.rest.includes(planted), stderr);
  });

  test("all that is left at the exit is told, in names that steer no terminal, and others that listen have their turn", async () => {
    const { status, stdout, stderr } = await trace("two-left-at-exit", "");
    const report = readReport(stderr);
    assert.equal(status, STOPPED, stderr);
    assert.equal(stdout, "the program's own exit, with 2 locks\n");
    assert.deepEqual(report.classes, ["A", "A"]);
    assert.match(stderr, /lock "first\\x1b\[31m"/);
    assert.match(stderr, /lock "second"/);
    assert.deepEqual(
      report.rows.find(({ label }) => label === "lock"),
      { label: "lock", made: 2, ended: 0, live: 2, peak: 2 },
    );
  });

  test("a leak is told with the failure that it is a consequence of", async () => {
    const { status, stderr } = await trace("leak-after-failure", "");
    assert.equal(status, STOPPED, stderr);
    assert.match(stderr, /failed +the root, "run", with SyntaxError: .*JSON/);
    for (const planted of markedLines("leak-after-failure", "planted")) assert.ok(stderr.includes(planted), stderr);
  });

  test("a program whose folder is taken away is watched all the same, and its lines keep their names", async () => {
    const { status, stderr } = await trace("folder-taken-away", "");
    assert.equal(status, STOPPED, stderr);
    for (const planted of markedLines("folder-taken-away", "planted")) assert.ok(stderr.includes(planted), stderr);
  });

  test("a finding in a worker thread is told, and ends the thread with 134", async () => {
    const { status, stdout, stderr } = await trace("finding-in-worker", "");
    assert.deepEqual({ status, stdout }, { status: 0, stdout: "worker: 134\n" }, stderr);
    assert.deepEqual(readReport(stderr).classes, ["A"]);
  });

  test("the summary tells what is outstanding by the line that made it", async () => {
    const { stderr } = await trace("several-faults", "planted", { LUNET_TRACE_FINDINGS: "collect" });
    const report = readReport(stderr);
    const [opened = ""] = markedLines("several-faults", "planted");
    const outstanding = sectionOf(report, "outstanding:");
    assert.equal(outstanding.length, 1, stderr);
    assert.ok(outstanding[0]?.startsWith(`2 × file, made at ${opened}`), stderr);
    const row = report.rows.find(({ label }) => label === "file");
    assert.deepEqual(row, { label: "file", made: 3, ended: 1, live: 2, peak: 3 });
  });

  test("each line that makes things has its own balance and peak", async () => {
    const { status, stdout, stderr } = await trace("balance-by-site", "mended");
    assert.equal(status, 0, stderr);
    const [one = "", three = ""] = markedLines("balance-by-site", "planted");
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2, stdout);
    assert.match(lines.find((text) => text.startsWith(one)) ?? "", /: 4 made, 4 ended, 0 live, at most 1$/);
    assert.match(lines.find((text) => text.startsWith(three)) ?? "", /: 3 made, 3 ended, 0 live, at most 3$/);
  });

  test("the summary comes as one line of JSON where that is wanted", async () => {
    const { status, stderr } = await trace("several-faults", "planted", {
      LUNET_TRACE_FINDINGS: "collect",
      LUNET_TRACE_SUMMARY: "json",
    });
    assert.equal(status, STOPPED, stderr);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
    const { balance, outstanding, checks, findings } = JSON.parse(stderr);
    assert.deepEqual(balance.file, { made: 3, ended: 1, live: 2, peak: 3 });
    assert.deepEqual(
      outstanding.map(({ kind, live }: { kind: string; live: number }) => [kind, live]),
      [["file", 2]],
    );
    assert.equal(checks.failed, 4);
    assert.deepEqual(findings.map((one: { class: string }) => one.class).sort(), ["A", "E", "F"]);
  });

  test("no summary is written where none is wanted, and a finding is told all the same", async () => {
    const off = { LUNET_TRACE_SUMMARY: "off" };
    assert.deepEqual(await trace(fixture, "mended", off), { status: 0, signal: null, stdout: "", stderr: "" });
    const { status, stderr } = await trace(fixture, "planted", off);
    assert.equal(status, STOPPED);
    assert.deepEqual(readReport(stderr).classes, ["A"]);
  });

  test("a circle is told before the empty loop ends the program", async () => {
    const { status, stderr } = await trace("k-two-join-each-other", "planted-without-a-deadline");
    const report = readReport(stderr);
    assert.equal(status, STOPPED, stderr);
    assert.deepEqual(report.classes, ["K"]);
    assert.match(report.findings, /nothing but a deadline or a cancel could wake them/);
  });

  test("a setting that cannot be used ends the program at its start, with what it may be", async () => {
    const cases: ReadonlyArray<readonly [string, string, string]> = [
      ["LUNET_TRACE_FINDINGS", "maybe", '"stop" or "collect"'],
      ["LUNET_TRACE_LOOP_MS", "soon", "a whole number from 0 to 3600000"],
      ["LUNET_TRACE_HELD_MS", "lease=long", "milliseconds"],
    ];
    for (const [name, value, wanted] of cases) {
      const { status, stderr } = await trace(fixture, "mended", { [name]: value });
      assert.equal(status, 1, stderr);
      assert.ok(stderr.includes(`RangeError: Cannot use ${name}: found "${value}", wanted ${wanted}`), stderr);
    }
  });
});
