/** The command `lunet`: what it starts is the program itself, with its arguments, its signals and its status. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { refuseNode } from "../../packages/lunet/src/cli/node-version.ts";
import { eventually, programFile, runCommand, Session, startCommand } from "./traced.ts";

const PROGRAM = programFile("held-connection");

for (const [command, build] of [
  ["run", "release"],
  ["trace", "trace"],
] as const) {
  test(`\`lunet ${command}\` runs a program in the ${build} build, with its arguments, and ends with its status`, async () => {
    using session = new Session();
    const args = ["return", "--page", "a b", "", "--", "ü"];
    const environment = session.environment({ LUNET_TRACE_SUMMARY: "off" });
    const { status, stdout, stderr } = await runCommand([command, PROGRAM, ...args], environment);
    assert.match(stdout, new RegExp(`^pid \\d+ ${build} `));
    assert.ok(stdout.endsWith(` ${JSON.stringify(args)}\n`), stdout);
    assert.deepEqual([status, stderr], [7, ""]);
  });

  test(`\`lunet ${command}\` is the program's own process: signals reach it, and it ends by them`, async () => {
    using session = new Session();
    await using handled = startCommand([command, PROGRAM], session.environment());
    await handled.waitText("stdout", /ready\n/);
    assert.ok(handled.stdout.startsWith(`pid ${handled.pid} ${build} `));
    handled.send("SIGTERM");
    assert.deepEqual((({ status, signal }) => [status, signal])(await handled.ended()), [3, null]);
    await using unhandled = startCommand([command, PROGRAM, "no-handler"], session.environment());
    await unhandled.waitText("stdout", /ready\n/);
    unhandled.send("SIGTERM");
    assert.deepEqual((({ status, signal }) => [status, signal])(await unhandled.ended()), [null, "SIGTERM"]);
  });

  test(`\`lunet ${command}\` ends with status 1 for a failure that nobody catches, which names the line`, async () => {
    using session = new Session();
    const { status, stderr } = await runCommand([command, PROGRAM, "fail"], session.environment());
    assert.equal(status, 1);
    assert.match(stderr, /lunet: uncaught failure: Error: on order\n\s+at .*held-connection\.ts:18/);
  });
}

test("`lunet trace --page=0` shows the page and says where, and `lunet ps` finds the program", async () => {
  using session = new Session();
  await using program = startCommand(["trace", "--page=0", PROGRAM], session.environment());
  await program.waitText("stderr", /lunet trace: page at http:\/\/127\.0\.0\.1:\d+\/\n/);
  await program.waitText("stdout", /ready\n/);
  await eventually(() => existsSync(session.socketOf(program.pid)));
  const { status, stdout } = await runCommand(["ps", String(program.pid)], session.environment());
  assert.equal(status, 0);
  assert.match(stdout, /coroutine "reader"/);
});

test("a program that is not there ends the command with a status and a message of Node's", async () => {
  using session = new Session();
  const { status, stderr } = await runCommand(["run", "no-such-program.ts"], session.environment());
  assert.equal(status, 1);
  assert.match(stderr, /Cannot find module/);
});

test("`lunet help` prints every command", async () => {
  using session = new Session();
  const { status, stdout, stderr } = await runCommand(["help"], session.environment());
  assert.deepEqual([status, stderr], [0, ""]);
  for (const command of ["run", "trace", "ps", "sweep", "help"]) assert.match(stdout, new RegExp(`lunet ${command}`));
});

for (const { args, found } of [
  { args: [], found: "no command" },
  { args: ["start"], found: '"start"' },
  { args: ["run"], found: "no program" },
  { args: ["run", "--page", "app.ts"], found: "--page" },
  { args: ["trace", "--page=70000", "app.ts"], found: "--page=70000" },
  { args: ["trace", "--page=", "app.ts"], found: "--page=" },
  { args: ["trace", "--other", "app.ts"], found: "--other" },
  { args: ["trace", "--page"], found: "no program" },
  { args: ["ps", "--yaml"], found: "--yaml" },
  { args: ["ps", "1", "2"], found: "2" },
  { args: ["ps", "--json"], found: "--json" },
]) {
  test(`\`lunet ${args.join(" ")}\` says what was wrong, and ends with status 2`, async () => {
    using session = new Session();
    const { status, stdout, stderr } = await runCommand(args, session.environment());
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^lunet.*: Cannot run: found .*, wanted /);
    assert.ok(stderr.includes(found), stderr);
  });
}

test("a Node that is too old is refused by its version", () => {
  for (const version of ["20.20.2", "23.11.0", "24.6.9"]) {
    assert.equal(refuseNode(version), `Cannot run on this Node: found ${version}, wanted 24.7 or later`);
  }
  for (const version of ["24.7.0", "24.10.1", "25.0.0", "26.10.0"]) assert.equal(refuseNode(version), undefined);
});
