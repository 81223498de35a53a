import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { callSite } from "./call-site.ts";

const HERE = relative(process.cwd(), import.meta.filename);
const RUNTIME = new URL("..", import.meta.url).href;

/** The line of this file that calls it. */
function lineHere(): number {
  const frame = new Error("here").stack?.split("\n")[2] ?? "";
  return Number(/:(\d+):\d+\)?$/.exec(frame)?.[1]);
}

/** What `callSite` says when it is called through functions of these files, the innermost first, and nothing else. */
function siteThrough(...fileNames: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let call = callSite;
  for (const filename of fileNames) {
    const through = runInThisContext("(function through(next) { return next(); })", { filename }) as typeof callThrough;
    call = through.bind(undefined, call);
  }
  // Only what the platform calls itself has no frame of this file below it.
  const outermost = runInThisContext("(function (call, resolve) { resolve(call()); })", { filename: "node:outermost" });
  setImmediate(outermost as () => void, ...([call, resolve] as unknown as []));
  setImmediate(() => reject(new Error("Cannot find the site: nothing was called")));
  return promise;
}

declare function callThrough(next: () => string): string;

test("it is the path from the working folder, the line, the column and the function", () => {
  function opens(): [string, number] {
    return [callSite(), lineHere()];
  }
  const [site, line] = opens();
  assert.match(site, new RegExp(`^${RegExp.escape(HERE)}:${line}:\\d+ in opens$`));
});

test("two calls on one line are two places", () => {
  const [first, second] = [callSite(), callSite()];
  assert.notEqual(first, second);
  assert.equal(first.replace(/:\d+$/, ""), second.replace(/:\d+$/, ""));
});

test("it is the innermost of the program's lines", () => {
  function inner(): string {
    return callSite();
  }
  function outer(): string {
    return inner();
  }
  assert.match(outer(), / in inner$/);
});

test("past an await it is still the line that goes on", async () => {
  async function goesOn(): Promise<[string, number]> {
    await Promise.resolve();
    return [callSite(), lineHere()];
  }
  const [site, line] = await goesOn();
  assert.match(site, new RegExp(`^${RegExp.escape(HERE)}:${line}:\\d+ in goesOn$`));
});

test("where a function has no name it is the place alone", async () => {
  const site = await ((): Promise<string> => Promise.resolve().then(() => callSite()))();
  assert.match(site, new RegExp(`^${RegExp.escape(HERE)}:\\d+:\\d+$`));
});

test("the runtime's lines are passed over for the program's", async () => {
  const app = join(process.cwd(), "shop/app.js");
  assert.equal(
    await siteThrough(`${RUNTIME}co/scope.impl.ts`, `${RUNTIME}net/connection.ts`, app),
    "shop/app.js:1:34 in through",
  );
});

test("a dependency's line is the program's", async () => {
  const dependency = pathToFileURL(join(process.cwd(), "node_modules/queue/index.js")).href;
  const site = await siteThrough(`${RUNTIME}db/pool.ts`, dependency, join(process.cwd(), "shop/app.js"));
  assert.equal(site, "node_modules/queue/index.js:1:34 in through");
});

test("without a line of the program's it is the outer one of the runtime's parts, before its innermost", async () => {
  const [inner, connection, server] = ["co/scope.impl.ts", "net/connection.ts", "http/server.ts"];
  const site = await siteThrough(`${RUNTIME}${inner}`, `${RUNTIME}${connection}`, `${RUNTIME}${server}`);
  assert.match(site, /^packages\/lunet\/src\/net\/connection\.ts:1:\d+ in through$/);
  assert.match(await siteThrough(`${RUNTIME}${inner}`), /^packages\/lunet\/src\/co\/scope\.impl\.ts:1:\d+ in through$/);
});

test("the suites that stand beside the runtime count as the program, and what brackets a test does not", async () => {
  const site = await siteThrough(`${RUNTIME}net/connection.ts`, `${RUNTIME}testing/socket-suite.ts`);
  assert.match(site, /^packages\/lunet\/src\/testing\/socket-suite\.ts:/);
  const bracket = await siteThrough(`${RUNTIME}testing/coroutine-test.ts`, join(process.cwd(), "shop/app.test.js"));
  assert.match(bracket, /^shop\/app\.test\.js:/);
});

test("what the platform calls itself has no place", async () => {
  assert.equal(await siteThrough(), "an unknown place");
});

test("the settings of stack traces are as they were, whatever they are", () => {
  const names = ["stackTraceLimit", "prepareStackTrace"] as const;
  const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(Error, name)] as const);
  const own = { stackTraceLimit: 0, prepareStackTrace: (): string => "own" };
  try {
    Object.assign(Error, own);
    assert.match(callSite(), new RegExp(`^${RegExp.escape(HERE)}:`));
    for (const name of names) assert.equal(Error[name], own[name]);
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(Error, name);
      else Object.defineProperty(Error, name, descriptor);
    }
  }
});
