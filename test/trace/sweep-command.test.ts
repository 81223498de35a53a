/** `lunet sweep`: what it prints, and the status that it ends with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runCommand, Session } from "../process/traced.ts";

function fixture(name: string): string {
  return fileURLToPath(new URL(`sweep-fixtures/${name}.ts`, import.meta.url));
}

async function sweepCommand(...args: readonly string[]): ReturnType<typeof runCommand> {
  using session = new Session();
  return await runCommand(["sweep", ...args], session.environment());
}

test("`lunet sweep` prints a line for each sweep, the first finding whole, and ends with 1 when there is one", async () => {
  const { status, stdout } = await sweepCommand(fixture("begin-outside-try"));
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^BEGIN outside the try: 1 found \(5 waits, 11 runs\)\n {2}fail at wait 2, begin, at .*begin-outside-try\.ts:\d+/,
  );
  assert.match(stdout, /finding A, still alive when its scope ends\n/);
  assert.match(stdout, /\nBEGIN inside the try: ok \(5 waits, 11 runs\)\n$/);
});

test("`lunet sweep` ends with 0 when nothing is found, and writes nothing else", async () => {
  const { status, stdout, stderr } = await sweepCommand("--only=inside", fixture("begin-outside-try"));
  assert.deepEqual([status, stdout, stderr], [0, "BEGIN inside the try: ok (5 waits, 11 runs)\n", ""]);
});

test("`lunet sweep --kind` puts the faults that it names and no others", async () => {
  const { status, stdout } = await sweepCommand("--kind=cancel", fixture("begin-outside-try"));
  assert.equal(status, 0);
  assert.match(stdout, /^BEGIN outside the try: ok \(5 waits, 6 runs\)\n/);
});

test("`lunet sweep` ends with 1 for a fixture that cannot be made, and for a run that cannot be ended", async () => {
  const { status, stdout } = await sweepCommand(fixture("unable"));
  assert.equal(status, 1);
  assert.match(stdout, /^no fixture: cannot be swept\n {4}Error: there is none\n/);
  assert.match(
    stdout,
    /\nno end: 1 found \(0 waits, 1 runs\)\n {2}the clean run\n {4}it hangs, and a cancel does not end it/,
  );
});

for (const { args, found } of [
  { args: [], found: "no file" },
  { args: ["--kind=other", "a.ts"], found: "--kind=other" },
  { args: ["--only=", "a.ts"], found: "--only=" },
  { args: ["--all", "a.ts"], found: "--all" },
  { args: ["a.ts", "b.ts"], found: "b.ts" },
  { args: [fixture("thread-pool")], found: "a default export of " },
  { args: ["--only=other", fixture("begin-outside-try")], found: "--only=other" },
]) {
  test(`\`lunet sweep ${args.map((arg) => arg.split("/").at(-1)).join(" ")}\` is refused with status 2`, async () => {
    const { status, stdout, stderr } = await sweepCommand(...args);
    assert.deepEqual([status, stdout], [2, ""]);
    assert.ok(stderr.startsWith(`lunet sweep: Cannot run: found ${found}`), stderr);
  });
}
