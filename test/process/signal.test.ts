import assert from "node:assert/strict";
import { test } from "node:test";
import { Program } from "./program.ts";

test("waitSignal gives the name of each signal that it is asked for", async () => {
  for (const name of ["INT", "TERM", "HUP", "QUIT", "USR2"] as const) {
    await using program = new Program("wait-signal", name);
    await program.waitOutput(`waiting for ${name}`);
    program.send(`SIG${name}`);
    assert.deepEqual(await program.ended(), {
      status: 0,
      signal: null,
      stdout: `waiting for ${name}\ngot ${name}\n`,
      stderr: "",
    });
  }
});

test("waitSignal gives the first of several, and can wait again", async () => {
  await using program = new Program("wait-signal", "INT,TERM", "INT,TERM");
  await program.waitOutput("waiting for INT,TERM\n");
  program.send("SIGTERM");
  await program.waitOutput("got TERM\nwaiting for INT,TERM\n");
  program.send("SIGINT");
  const { status, stdout } = await program.ended();
  assert.equal(status, 0);
  assert.match(stdout, /got TERM\n.*\ngot INT\n$/);
});

test("a program that only waits for a signal stays alive, and other signals keep their default", async () => {
  await using program = new Program("wait-signal", "HUP");
  await program.waitOutput("waiting for HUP");
  program.send("SIGTERM");
  assert.equal((await program.ended()).signal, "SIGTERM");
});

test("when nobody waits any more the default action is back", async () => {
  await using program = new Program("cancel-signal");
  await program.waitOutput("not waiting");
  program.send("SIGTERM");
  assert.equal((await program.ended()).signal, "SIGTERM");
});

test("everyone who waits for a signal gets it", async () => {
  await using program = new Program("two-waiters");
  await program.waitOutput("waiting");
  program.send("SIGUSR2");
  const { status, stdout } = await program.ended();
  assert.equal(status, 0);
  assert.deepEqual(stdout.trim().split("\n").sort(), ["first got USR2", "second got USR2", "waiting"]);
});

test("SIGTERM asks, the grace is used, and the program ends with its own status", async () => {
  await using program = new Program("graceful");
  await program.waitOutput("serving");
  program.send("SIGTERM");
  const { status, stdout } = await program.ended();
  assert.equal(status, 3);
  assert.equal(stdout, "serving\ndrained\n");
});
