import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { useClock } from "../host/clock.ts";
import { readBaseline } from "./baseline.ts";

const folder = mkdtempSync(join(tmpdir(), "lunet-baseline-"));
/** What the wall clock shows to the baseline. */
let now = "2026-06-30T12:00:00Z";
let restore = (): void => {};

before(() => {
  const real = useClock({
    monotonicMs: () => real.monotonicMs(),
    wallMs: () => Date.parse(now),
    setTimer: (delayMs, fire, background) => real.setTimer(delayMs, fire, background),
  });
  restore = () => void useClock(real);
});
after(() => {
  restore();
  rmSync(folder, { recursive: true });
});

let files = 0;

function fileOf(content: string): string {
  const path = join(folder, `${++files}.json`);
  writeFileSync(path, content);
  return path;
}

const ROW = { class: "A", site: "src/app.ts:12", reason: "is being rewritten", expires: "2026-06-30" };
const FINDING = { class: "A", kind: "file", site: "src/app.ts:12:7 in serve" };

function reasonFor(row: object, finding: Partial<typeof FINDING> = {}): string | undefined {
  return readBaseline(fileOf(JSON.stringify([row]))).reasonFor({ ...FINDING, ...finding });
}

test("without a baseline nothing is let pass", () => {
  assert.equal(readBaseline(undefined).reasonFor(FINDING), undefined);
});

test("a finding that a row names passes with the row's reason and its last day", () => {
  assert.equal(reasonFor(ROW), "is being rewritten (until 2026-06-30)");
});

test("a row names a file, a line, or a line and a column, and nothing that only begins so", () => {
  for (const site of ["src/app.ts", "src/app.ts:12", "src/app.ts:12:7", FINDING.site]) {
    assert.notEqual(reasonFor({ ...ROW, site }), undefined, site);
  }
  for (const site of ["src/app.ts:1", "src/app.ts:12:", "src/app", "app.ts:12", "src/app.ts:12:7 in"]) {
    const wanted = site.endsWith(" in") ? "is being rewritten (until 2026-06-30)" : undefined;
    assert.equal(reasonFor({ ...ROW, site }), wanted, site);
  }
});

test("a row is for one class, and for one kind if it names one", () => {
  assert.equal(reasonFor(ROW, { class: "B" }), undefined);
  assert.equal(reasonFor(ROW, { kind: "connection" }), "is being rewritten (until 2026-06-30)");
  assert.equal(reasonFor({ ...ROW, kind: "file" }), "is being rewritten (until 2026-06-30)");
  assert.equal(reasonFor({ ...ROW, kind: "file" }, { kind: "connection" }), undefined);
});

test("a row holds to the end of its last day, and not after", () => {
  now = "2026-06-30T23:59:59.999Z";
  assert.notEqual(reasonFor(ROW), undefined);
  now = "2026-07-01T00:00:00.000Z";
  assert.equal(reasonFor(ROW), undefined);
  now = "2026-06-30T12:00:00Z";
});

test("a row that has expired does not stand before one that holds", () => {
  const rows = [
    { ...ROW, expires: "2026-01-31" },
    { ...ROW, reason: "has got more time" },
  ];
  const reason = readBaseline(fileOf(JSON.stringify(rows))).reasonFor(FINDING);
  assert.equal(reason, "has got more time (until 2026-06-30)");
});

test("a file that cannot be used is refused with its name and what is wrong", () => {
  const cases: ReadonlyArray<readonly [string, RegExp]> = [
    ["", /^Cannot read the trace baseline ".*": SyntaxError/],
    ["{}", /^Cannot read the trace baseline ".*": found no list, wanted one of rows$/],
    ["null", /found no list/],
    ["[null]", /^Cannot read row 1 of the trace baseline ".*": found null, wanted "class"/],
    ['["A"]', /^Cannot read row 1 /],
  ];
  for (const [content, message] of cases) assert.throws(() => readBaseline(fileOf(content)), { message });
  const missing = join(folder, "missing.json");
  assert.throws(() => readBaseline(missing), {
    message: /^Cannot read the trace baseline ".*missing\.json": .*ENOENT/,
  });
});

test("a row that lacks a part, or has one of the wrong kind, is refused with its number", () => {
  const wrong: readonly object[] = [
    { ...ROW, class: undefined },
    { ...ROW, site: "" },
    { ...ROW, reason: " " },
    { ...ROW, reason: undefined },
    { ...ROW, kind: 1 },
    { ...ROW, expires: undefined },
    { ...ROW, expires: "soon" },
    { ...ROW, expires: "2026-6-1" },
    { ...ROW, expires: "2026-13-01" },
    { ...ROW, expires: "2026-06-31" },
  ];
  for (const row of wrong) {
    const path = fileOf(JSON.stringify([ROW, row]));
    assert.throws(
      () => readBaseline(path),
      { message: /^Cannot read row 2 of the trace baseline/ },
      JSON.stringify(row),
    );
  }
});
