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
    "a `_name` is imported around which its folder exports functions",
    "raw",
    {
      [`${SRC}/net/a.ts`]: `import { _suspendIn } from "../co/scope.impl.ts";`,
      [`${SRC}/co/waits.ts`]: `import { _suspendIn } from "./scope.impl.ts";`,
      [`${SRC}/co/mod.ts`]: `export { suspend, until, type Wait } from "./waits.ts"; export { run } from "./run.ts";`,
    },
    `${SRC}/net/a.ts:1`,
    /use suspend, until of "packages\/lunet\/src\/co\/mod\.ts"/,
  ],
  [
    "a `_name` is imported whose own name is exported",
    "raw",
    {
      [`${SRC}/net/a.ts`]: `import { _spawn } from "../co/scope.impl.ts";`,
      [`${SRC}/co/waits.ts`]: `import { _spawn } from "./scope.impl.ts";`,
      [`${SRC}/co/mod.ts`]: `export { spawn, until } from "./waits.ts";`,
    },
    `${SRC}/net/a.ts:1`,
    /use spawn of "packages/,
  ],
  [
    "trace imports what stands above it",
    "direction",
    { [`${SRC}/trace/on.ts`]: `import { run } from "../co/mod.ts";` },
    `${SRC}/trace/on.ts:1`,
    /trace\/ may import host$/,
  ],
  [
    "a folder of the runtime chooses its build of trace",
    "front-door",
    { [`${SRC}/net/a.ts`]: `import { TRACE } from "../trace/on.ts";` },
    `${SRC}/net/a.ts:1`,
    /use "#trace"/,
  ],
  [
    "a folder that does not read the ledger imports trace's front door",
    "front-door",
    { [`${SRC}/co/a.ts`]: `import type { Balance } from "../trace/mod.ts";` },
    `${SRC}/co/a.ts:1`,
    /use "#trace"/,
  ],
  [
    "the command line reaches into trace",
    "front-door",
    { [`${SRC}/cli/a.ts`]: `import { report } from "../trace/ledger.ts";` },
    `${SRC}/cli/a.ts:1`,
    /use "#trace"/,
  ],
  [
    "the driver of SQLite is imported outside db/sqlite",
    "edge",
    { "apps/conduit/src/a.ts": `import { DatabaseSync } from "node:sqlite";` },
    "apps/conduit/src/a.ts:1",
    /use open\(\) of lunet\/db/,
  ],
  [
    "the driver of PostgreSQL is imported outside db/postgres",
    "edge",
    { [`${SRC}/db/network/a.ts`]: `const { Client } = await import("pg");` },
    `${SRC}/db/network/a.ts:1`,
    /use open\(\) of lunet\/db/,
  ],
  [
    "the costly part of async_hooks is imported where the cheap one may be",
    "edge",
    { [`${SRC}/co/a.test.ts`]: `import { AsyncLocalStorage, createHook } from "node:async_hooks";` },
    `${SRC}/co/a.test.ts:1`,
    /"createHook".*10 to 300 times a wait; use AsyncLocalStorage/,
  ],
  [
    "async_hooks is imported whole",
    "edge",
    { "bench/a.ts": `import * as hooks from "async_hooks";` },
    "bench/a.ts:1",
    /use AsyncLocalStorage/,
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
  ["plan(setImmediate)", /giveWay\(\)/],
  ["Math['random']()", /node:crypto/],
  ["({ setTimeout })", /sleep/],
  ["Temporal.Now.instant()", /wallMs/],
  ["process.uptime()", /monotonicMs/],
  ["AbortSignal.timeout(1)", /withDeadline/],
  ["fetch('http://localhost')", /lunet\/net/],
  ["new WebSocket('ws://localhost')", /lunet\/net/],
  ["new EventSource('http://localhost')", /lunet\/net/],
  ["process.on('SIGTERM', end)", /waitSignal/],
  ["process.once('SIGINT', end)", /waitSignal/],
  ["process.getBuiltinModule('net')", /import/],
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

const PROMISES = ["new Promise(() => {})", "new globalThis.Promise(start)", "Promise.withResolvers()"];
for (const use of PROMISES) {
  for (const path of [`${SRC}/net/a.ts`, `${SRC}/testing/a.ts`, "apps/conduit/src/a.ts", "examples/a.ts"]) {
    test(`${use} in ${path} is found with what to wait with instead`, () => {
      const [one, ...others] = check({ [path]: `export {};\n${use};` });
      assert.deepEqual([one?.rule, one?.line, others], ["wait", 2, []]);
      assert.match(one!.message, /use suspend\(\) of lunet, or until\(\)/);
    });
  }
}

const UNGUARDED: ReadonlyArray<[title: string, source: string, says: RegExp]> = [
  ["a call without a guard", `made("a", {});`, /made of "#trace" unguarded.*use `if \(TRACE\) …`/],
  [
    "a hook under another name",
    `import { resumed as gone } from "#trace";`,
    /imports resumed as gone.*use its own name/,
  ],
  ["an import for its effect", `import "#trace";`, /takes "#trace" whole/],
  ["a hook that is handed on", `plan(made);`, /made of/],
  ["a hook in an object", `plan({ made });`, /made of/],
  ["a hook that is exported", `export { made };`, /made of/],
  ["a hook that is exported on", `export { resumed } from "#trace";`, /resumed of/],
  ["all of trace exported on", `export * from "#trace";`, /takes "#trace" whole/],
  ["all of trace under one name", `import * as trace from "#trace";`, /takes "#trace" whole/],
  ["trace imported while running", `await import("#trace");`, /takes "#trace" whole/],
  ["TRACE with an else", `if (TRACE) plan();\telse plan();`, /TRACE in another form.*without else/],
  ["TRACE within a larger test", `if (TRACE && plan) plan();`, /TRACE in another form/],
  ["TRACE negated", `if (!TRACE) plan();`, /TRACE in another form/],
  ["TRACE kept", `const on = TRACE;`, /TRACE in another form/],
  ["a call in the second branch", `TRACE ? plan() : made("a", {});`, /made of/],
  ["a call under a test that only looks alike", `if (plan.TRACE) made("a", {});`, /made of/],
];
for (const [title, source, says] of UNGUARDED) {
  test(`${title} stays in the release build and is found`, () => {
    const text = `import { TRACE, made, ended } from "#trace";\n${source}`;
    const [one, ...others] = check({ [`${SRC}/net/a.ts`]: text });
    assert.deepEqual([one?.rule, one?.line, others], ["trace", 2, []]);
    assert.match(one!.message, says);
  });
}

test("what the release build loses passes, as do types of trace", () => {
  const source = `import { TRACE, made, type KindBalance } from "#trace"; import type { ended } from "#trace";
    export type { OwnedKind } from "#trace"; export type * from "#trace"; export type Made = typeof made;
    if (TRACE) made("a", {});
    if (TRACE) { const plan = { made }; plan.made("a", {}); if (TRACE && plan) made("b", {}); else made("c", {}); }
    export const note = TRACE ? (thing: object) => made("a", thing) : undefined;
    export const own = note?.made, balance: KindBalance | ended | undefined = undefined;`;
  assert.deepEqual(check({ [`${SRC}/net/a.ts`]: source }), []);
});

test("tests and trace itself use trace as they like", () => {
  const source = `import * as trace from "#trace"; import { made } from "#trace"; made("a", trace);`;
  assert.deepEqual(check({ [`${SRC}/net/a.test.ts`]: source, [`${SRC}/trace/mod.ts`]: source }), []);
});

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
    [`${SRC}/co/context.impl.ts`]: `import { AsyncLocalStorage } from "node:async_hooks"; new Promise(() => {});`,
    [`${SRC}/db/sqlite/a.ts`]: `import { DatabaseSync } from "node:sqlite"; queueMicrotask(run); process.nextTick(run);`,
    [`${SRC}/db/postgres/a.ts`]: `import pg from "pg";`,
    [`${SRC}/db/mariadb/a.ts`]: `import { createConnection } from "mariadb";`,
    [`${SRC}/db/mariadb/a.test.ts`]: `import { realDatabase } from "../../testing/real-databases.ts";`,
    [`${SRC}/testing/real-databases.ts`]: `import pg from "pg"; import { createConnection } from "mariadb";`,
    [`${SRC}/net/a.test.ts`]: `import { report } from "../trace/ledger.ts"; new Promise(report); process.on("SIGTERM", report);`,
    [`${SRC}/testing/a.ts`]: `import { balance } from "../trace/mod.ts";`,
    [`${SRC}/cli/a.ts`]: `import { report } from "../trace/mod.ts"; import { now } from "../host/clock.ts"; import { test } from "../testing/mod.ts";`,
    "apps/conduit/src/a.ts": `import { run, until } from "lunet"; await until(fetch("http://localhost")); import { connect } from "lunet/net"; import { hash } from "node:crypto";`,
    "apps/conduit/src/a.test.ts": `import { realDatabase } from "../../../packages/lunet/src/testing/real-databases.ts";`,
    "apps/conduit/test/harness.ts": `import net from "node:net"; Date.now();`,
    "bench/peer.ts": `import http from "node:http"; performance.now();`,
    "test/conformance/http/a.test.ts": `import { parse } from "../../../packages/lunet/src/http/request-parser.ts";`,
  });
  assert.deepEqual(found, []);
});

test("a name of the edge that is only a member, a key or an argument's date passes", () => {
  const source = `clock.setTimeout(1); const t = { setTimeout: 1 }; new Date(0); new Date(t.Date.now);
    interface T { setTimeout(): void } class C { setImmediate() {} } "Date.now()"; // Math.random()
    const socket: WebSocket | typeof fetch = t; app.fetch(socket); class P extends Promise {} Promise.all([]);`;
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

test("what runs in browsers alone uses their timers and promises", () => {
  const found = check({ "apps/conduit-web/src/a.ts": "export {};\nsetTimeout(() => {}, 1);\nnew Promise(() => {});" });
  assert.deepEqual(found, []);
});
