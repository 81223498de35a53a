/** The server as a process: SIGTERM under load, and descriptors running out. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";

const REQUEST = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

async function start(...args: readonly string[]): Promise<{ program: Program; port: number }> {
  const program = new Program("http-server", ...args);
  await program.waitOutput(".\n");
  return { program, port: Number(/listening on (\d+)\./.exec(program.stdout)?.[1]) };
}

/** A connection and all that it gets. */
class Caller {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  text = "";

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1" });
    this.socket.setEncoding("latin1").on("data", (text: string) => (this.text += text));
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => this.socket.once("close", resolve));
  }

  /** Waits until `text` has come, or the end. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text) && !this.socket.readableEnded) {
      await Promise.race([once(this.socket, "data"), this.closed]);
    }
  }
}

test("SIGTERM under load: every request that was under way is answered, and the status is 0", async () => {
  const { program, port } = await start();
  await using _ = program;
  const callers = Array.from({ length: 50 }, () => new Caller(port));
  for (const caller of callers) {
    caller.socket.write("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    await caller.until("/first");
    caller.text = "";
  }
  const sent = callers.map((caller, index) => {
    const requests = REQUEST.repeat(index % 2 === 0 ? 1 : 3);
    return new Promise<void>((resolve) => caller.socket.write(requests, () => resolve()));
  });
  await Promise.all(sent);
  program.send("SIGTERM");
  await Promise.all(callers.map((caller) => caller.closed));
  for (const [index, { text }] of callers.entries()) {
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, index % 2 === 0 ? 1 : 3);
    assert.equal(text.match(/Connection: close/g)?.length, 1);
  }
  assert.deepEqual(await program.ended(), {
    status: 0,
    signal: null,
    stdout: `listening on ${port}.\ndrained\n`,
    stderr: "",
  });
});

test("SIGTERM with a handler that does not end: its client gets 503 after the grace, and the status is 0", async () => {
  const { program, port } = await start("100");
  await using _ = program;
  const caller = new Caller(port);
  const idle = new Caller(port);
  caller.socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  await caller.until("200 OK");
  program.send("SIGTERM");
  await Promise.all([caller.closed, idle.closed]);
  assert.match(caller.text, /HTTP\/1\.1 503 /);
  assert.equal((await program.ended()).status, 0);
});

test("a server without descriptors left serves those it has, and new ones when there is room again", async () => {
  const file = fileURLToPath(new URL("programs/http-server.ts", import.meta.url));
  const child = spawn("sh", ["-c", 'ulimit -n 60; exec "$0" "$1"', process.execPath, file], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const ended = once(child, "close");
  try {
    const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
    const port = Number(/listening on (\d+)\./.exec(line)?.[1]);
    const first = new Caller(port);
    first.socket.write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await first.until("/1");
    const flood = Array.from({ length: 100 }, () => new Caller(port));
    for (const caller of flood) caller.socket.write("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    // Those for whom there is no descriptor are closed or wait; the others are answered.
    await flood[0]?.until("/flood");
    first.socket.write("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    await first.until("/2");
    assert.match(first.text, /\/2/);
    for (const caller of flood) caller.socket.destroy();
    await Promise.all(flood.map((caller) => caller.closed));
    let answered = false;
    while (!answered) {
      const late = new Caller(port);
      late.socket.write("GET /late HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      await late.closed;
      answered = late.text.includes("/late");
    }
    first.socket.destroy();
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});
