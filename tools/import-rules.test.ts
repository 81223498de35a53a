import assert from "node:assert/strict";
import { test } from "node:test";
import { checkImports, type Rule } from "./import-rules.ts";
import { readFacts } from "./source-facts.ts";

const EXPORTS = new Set(["lunet", "lunet/net"]);
const SRC = "packages/lunet/src";

/** Each fixture breaks one rule once. The last column must stand in the message: it says what to use instead. */
const VIOLATIONS: ReadonlyArray<
  [title: string, rule: Rule, files: Record<string, string>, place: string, says: RegExp]
> = [
  [
    "a lower folder imports a higher one",
    "direction",
    { [`${SRC}/net/a.ts`]: `\nimport { serve } from "../http/mod.ts";` },
    `${SRC}/net/a.ts:2`,
    /net\/ imports http\/; net\/ may import co, trace, host/,
  ],
  [
    "two folders of one layer import one another",
    "direction",
    { [`${SRC}/fs/a.ts`]: `import type { Connection } from "../net/mod.ts";` },
    `${SRC}/fs/a.ts:1`,
    /fs\/ may import/,
  ],
  [
    "http reaches past net to the host",
    "direction",
    { [`${SRC}/http/a.ts`]: `import { openTcp } from "../host/tcp.ts";` },
    `${SRC}/http/a.ts:1`,
    /http\/ may import co, trace, time/,
  ],
  [
    "the runtime imports an application",
    "direction",
    { [`${SRC}/http/a.ts`]: `import { app } from "../../../../apps/conduit/src/app.ts";` },
    `${SRC}/http/a.ts:1`,
    /stands above it/,
  ],
  [
    "a folder is entered past its front door",
    "front-door",
    { [`${SRC}/net/a.ts`]: `export { scope } from "../co/bodies.ts";` },
    `${SRC}/net/a.ts:1`,
    /use "packages\/lunet\/src\/co\/mod\.ts"/,
  ],
  [
    "an application imports a source of the runtime",
    "public",
    { "apps/conduit/src/a.ts": `import { scope } from "../../../packages/lunet/src/co/mod.ts";` },
    "apps/conduit/src/a.ts:1",
    /use a public export: lunet, lunet\/net/,
  ],
  [
    "a benchmark imports what the package does not export",
    "public",
    { "bench/a.ts": `const host = await import("lunet/host");` },
    "bench/a.ts:1",
    /does not export; use lunet, lunet\/net/,
  ],
  [
    "a file outside host imports a module of the platform's edge",
    "edge",
    { [`${SRC}/db/a.ts`]: `import { readFileSync } from "node:fs";` },
    `${SRC}/db/a.ts:1`,
    /use lunet\/fs/,
  ],
  [
    "an application imports sockets under their old name",
    "edge",
    { "apps/conduit/src/a.ts": `import net from "net";` },
    "apps/conduit/src/a.ts:1",
    /use lunet\/net/,
  ],
  [
    "a `_name` leaves its folder",
    "raw",
    { [`${SRC}/net/a.ts`]: `import { _suspendIn } from "../co/mod.ts";` },
    `${SRC}/net/a.ts:1`,
    /"_suspendIn".*\*\.impl\.ts/,
  ],
  [
    "a file that mod.ts does not export from imports a `_name`",
    "raw",
    {
      [`${SRC}/co/inner.ts`]: `import { _suspendIn } from "./scope.impl.ts";`,
      [`${SRC}/co/mod.ts`]: `export { run } from "./run.ts";`,
    },
    `${SRC}/co/inner.ts:1`,
    /"_suspendIn"/,
  ],
  [
    "three files import one another in a circle",
    "cycle",
    {
      [`${SRC}/co/a.ts`]: `import "./b.ts";`,
      [`${SRC}/co/b.ts`]: `import type { C } from "./c.ts";`,
      [`${SRC}/co/c.ts`]: `export type { A } from "./a.ts";`,
    },
    `${SRC}/co/c.ts:1`,
    /co\/a\.ts -> .*co\/b\.ts -> .*co\/c\.ts -> .*co\/a\.ts/,
  ],
];
for (const [title, rule, files, place, says] of VIOLATIONS) {
  test(`it is found when ${title}`, () => {
    const found = check(files);
    assert.deepEqual(
      found.map((one) => [one.rule, `${one.path}:${one.line}`]),
      [[rule, place]],
    );
    assert.match(found[0]!.message, says);
  });
}

const EDGE_USES: ReadonlyArray<[use: string, says: RegExp]> = [
  ["Date.now()", /wallMs/],
  ["new Date()", /wallMs/],
  ["Date()", /wallMs/],
  ["globalThis.performance.now()", /monotonicMs/],
  ["process.hrtime.bigint()", /monotonicMs/],
  ["setTimeout(work, 1)", /sleep/],
  ["globalThis.setInterval(work, 1)", /ticks/],
  ["plan(setImmediate)", /sleep\(0\)/],
  ["Math['random']()", /node:crypto/],
  ["({ setTimeout })", /sleep/],
];
for (const [use, says] of EDGE_USES) {
  test(`${use} outside host is found with what to use instead`, () => {
    const found = check({ [`${SRC}/net/a.ts`]: `export {};\n${use};` });
    assert.deepEqual(
      found.map((one) => [one.rule, one.line]),
      [["edge", 2]],
    );
    assert.match(found[0]!.message, says);
  });
}

test("what the rules allow passes", () => {
  const found = check({
    [`${SRC}/host/clock.ts`]: `import { performance } from "node:perf_hooks"; export const now = () => Date.now(); setTimeout(now, 1);`,
    [`${SRC}/co/mod.ts`]: `export { run } from "./run.ts";`,
    [`${SRC}/co/run.ts`]: `import { _suspendIn } from "./scope.impl.ts";`,
    [`${SRC}/co/scope.impl.ts`]: `import { now } from "../host/clock.ts"; import { made } from "#trace";`,
    [`${SRC}/net/mod.ts`]: `export { connect } from "./connect.impl.ts";`,
    [`${SRC}/net/connect.impl.ts`]: `import { _suspendIn } from "../co/scope.impl.ts"; import { run } from "../co/mod.ts";`,
    [`${SRC}/http/a.ts`]: `import { run } from "../co/mod.ts"; import { connect } from "../net/mod.ts"; import { Worker } from "node:worker_threads";`,
    [`${SRC}/http/a.test.ts`]: `import net from "node:net"; import { pair } from "../testing/mod.ts"; setTimeout(pair, 1);`,
    "apps/conduit/src/a.ts": `import { run } from "lunet"; import { connect } from "lunet/net"; import { hash } from "node:crypto";`,
    "apps/conduit/test/harness.ts": `import net from "node:net"; Date.now();`,
    "bench/peer.ts": `import http from "node:http"; performance.now();`,
    "test/conformance/http/a.test.ts": `import { parse } from "../../../packages/lunet/src/http/request-parser.ts";`,
  });
  assert.deepEqual(found, []);
});

test("a name of the edge that is only a member, a key or an argument's date passes", () => {
  const source = `clock.setTimeout(1); const t = { setTimeout: 1 }; new Date(0); new Date(t.Date.now);
    interface T { setTimeout(): void } class C { setImmediate() {} } "Date.now()"; // Math.random()`;
  assert.deepEqual(check({ [`${SRC}/net/a.ts`]: source }), []);
});

test("a text that is no TypeScript is refused by its path", () => {
  assert.throws(() => readFacts("a.ts", "import {"), /Cannot parse "a\.ts"/);
});

function check(files: Readonly<Record<string, string>>) {
  return checkImports(
    Object.entries(files).map(([path, text]) => readFacts(path, text)),
    EXPORTS,
  );
}
