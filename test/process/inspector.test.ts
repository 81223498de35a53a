/** What a traced program tells while it runs: by signal, over its socket, on its page; and that being asked changes nothing. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, NodeProcess, programFile, runCommand, Session, startTraced } from "./traced.ts";

const WAITING_LINE =
  /coroutine "reader" .*begun at .*held-connection\.ts:\d+[^]*waits [\d.]+ m?s in net\.read on connection .*held-connection\.ts:11:\d+ in readFirstByte/;
const HELD_LINE = /holds connection #\d+, .*made at .*held-connection\.ts:9:\d+ in readFirstByte; last read /;

interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

function ask(
  where: { readonly port: number } | { readonly socketPath: string },
  path: string,
  options: { readonly method?: string; readonly host?: string } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { method = "GET", host } = options;
    const headers = host === undefined ? {} : { host };
    const asked = request({ host: "127.0.0.1", ...where, path, method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    asked.setTimeout(5_000, () => asked.destroy(new Error("no answer within 5 s")));
    asked.on("error", reject);
    asked.end();
  });
}

/** Sends bytes, and gives all that comes back. */
async function speak(port: number, bytes: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(bytes);
  const parts = await socket
    .setEncoding("latin1")
    .setTimeout(5_000, () => socket.destroy())
    .toArray();
  return parts.join("");
}

/** A traced program that waits for a byte, with its socket. */
async function startReader(session: Session, more: Record<string, string> = {}, ...args: string[]) {
  const program = startTraced("held-connection", args, session.environment(more));
  await program.waitText("stdout", /ready\n/);
  if (more["LUNET_TRACE_SOCKET"] === undefined) await eventually(() => existsSync(session.socketOf(program.pid)));
  return program;
}

async function startPage(session: Session) {
  const program = await startReader(session, { LUNET_TRACE_PORT: "0" });
  const [, port] = await program.waitText("stderr", /lunet trace: page at http:\/\/127\.0\.0\.1:(\d+)\/\n/);
  return { program, port: Number(port) };
}

test("SIGUSR2 prints the tree, with the line that waits and the connection that is held, and the program goes on", async () => {
  using session = new Session();
  await using program = await startReader(session);
  program.send("SIGUSR2");
  await program.waitText("stderr", HELD_LINE);
  assert.match(program.stderr, WAITING_LINE);
  program.send("SIGTERM");
  assert.equal((await program.ended()).status, 3);
});

test("`lunet ps` prints the tree of a process by its number and by its socket, and as JSON", async () => {
  using session = new Session();
  await using program = await startReader(session);
  const socket = session.socketOf(program.pid);
  for (const target of [String(program.pid), socket]) {
    const { status, stdout, stderr } = await runCommand(["ps", target], session.environment());
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, WAITING_LINE);
    assert.match(stdout, HELD_LINE);
  }
  const { stdout } = await runCommand(["ps", "--json", String(program.pid)], session.environment());
  const shot = JSON.parse(stdout);
  assert.equal(shot.pid, program.pid);
  assert.equal(shot.program, programFile("held-connection"));
  const reader = shot.tree[0].children.find((one: any) => one.name === "reader");
  assert.match(reader.waits[0].site, /held-connection\.ts:11:/);
  assert.equal(reader.handles[0].kind, "connection");
  assert.equal(shot.balance.connection.live, 2);
});

test("`lunet ps` alone lists the traced programs, and none when there is none", async () => {
  using session = new Session();
  const none = await runCommand(["ps"], session.environment());
  assert.deepEqual(none, { status: 0, signal: null, stdout: "no traced program runs\n", stderr: "" });
  await using first = await startReader(session);
  await using second = await startReader(session);
  const { status, stdout } = await runCommand(["ps"], session.environment());
  assert.equal(status, 0);
  for (const { pid } of [first, second]) {
    const [, program] = new RegExp(`^${pid} +(.*)$`, "m").exec(stdout) ?? [];
    assert.equal(program, programFile("held-connection"));
  }
});

test("`lunet ps` says why nobody answers", async () => {
  using session = new Session();
  const untraced = await runCommand(["ps", String(process.pid)], session.environment({}));
  assert.equal(untraced.status, 1);
  assert.match(
    untraced.stderr,
    /^lunet ps: Cannot ask "\d+": found no socket .*\.sock.*, wanted a program in the trace build/,
  );
  const gone = await runCommand(["ps", "2147483646"], session.environment());
  assert.match(gone.stderr, /found no process 2147483646/);
  const nowhere = await runCommand(["ps", join(session.folder, "none.sock")], session.environment());
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /found nothing at this path/);
});

test("`lunet ps` gives up after three seconds on a program that is stopped", async () => {
  using session = new Session();
  await using program = await startReader(session);
  program.send("SIGSTOP");
  const started = performance.now();
  const { status, stderr } = await runCommand(["ps", String(program.pid)], session.environment());
  assert.equal(status, 1);
  assert.match(stderr, /found no answer within 3 s, wanted one: the program is stopped, or holds its event loop/);
  assert.ok(performance.now() - started < 10_000);
});

test("the folder is the user's own, the socket too, and both go when the program ends", async () => {
  using session = new Session();
  await using program = await startReader(session);
  assert.equal(statSync(session.sockets).mode & 0o777, 0o700);
  const socket = statSync(session.socketOf(program.pid));
  assert.ok(socket.isSocket());
  assert.equal(socket.mode & 0o777, 0o600);
  program.send("SIGTERM");
  const { status } = await program.ended();
  assert.equal(status, 3);
  assert.deepEqual(readdirSync(session.sockets), []);
});

for (const { name, spoil, found } of [
  { name: "that others may enter", spoil: (path: string) => chmodSync(path, 0o755), found: /found mode 0755/ },
  {
    name: "that is a symbolic link",
    spoil: (path: string) => {
      execFileSync("rmdir", [path]);
      symlinkSync("..", path);
    },
    found: /found a symbolic link/,
  },
]) {
  test(`a folder ${name} is not used, which the program says once and runs on`, async () => {
    using session = new Session();
    mkdirSync(session.sockets, { mode: 0o700 });
    spoil(session.sockets);
    const program = startTraced("held-connection", [], session.environment());
    await using _ = program;
    await program.waitText("stderr", found);
    assert.match(program.stderr, /^lunet trace: Cannot use the folder .*wanted a folder of your own with mode 0700/);
    await program.waitText("stdout", /ready\n/);
    const { status, stderr } = await runCommand(["ps", String(program.pid)], session.environment());
    assert.equal(status, 1);
    assert.match(stderr, found);
    program.send("SIGTERM");
    assert.equal((await program.ended()).status, 3);
  });
}

test("the socket of a process that was killed is taken away by the next program, and a living one's stays", async () => {
  using session = new Session();
  await using living = await startReader(session);
  await using killed = await startReader(session);
  const left = session.socketOf(killed.pid);
  killed.send("SIGKILL");
  await killed.ended();
  assert.ok(existsSync(left));
  await using _next = await startReader(session);
  await eventually(() => !existsSync(left));
  assert.ok(existsSync(session.socketOf(living.pid)));
  writeFileSync(join(session.sockets, "2147483646.sock"), "no socket");
  await using _another = await startReader(session);
  assert.ok(existsSync(join(session.sockets, "2147483646.sock")), "what is no socket is nobody's to take away");
});

test("LUNET_TRACE_SOCKET puts the socket elsewhere, replaces one that nobody listens on, and switches it off", async () => {
  using session = new Session();
  const path = join(session.folder, "elsewhere.sock");
  const more = { LUNET_TRACE_SOCKET: path };
  await using first = await startReader(session, more);
  await eventually(async () => (await runCommand(["ps", path], session.environment())).status === 0);
  await using second = await startReader(session, more);
  await second.waitText("stderr", /^lunet trace: .*EADDRINUSE.*; the program goes on without it\n/);
  first.send("SIGKILL");
  await first.ended();
  await using third = await startReader(session, more);
  const answered = await eventually(async () => {
    const { status, stdout } = await runCommand(["ps", path], session.environment());
    return status === 0 && stdout;
  });
  assert.ok(answered.startsWith(`lunet ps: process ${third.pid},`));

  await using off = await startReader(session, { LUNET_TRACE_SOCKET: "off" });
  off.send("SIGTERM");
  assert.equal((await off.ended()).status, 3);
  assert.ok(!existsSync(session.sockets));
});

test("a file that is no socket is left as it is, and so is the program", async () => {
  using session = new Session();
  const path = join(session.folder, "file");
  writeFileSync(path, "precious");
  await using program = await startReader(session, { LUNET_TRACE_SOCKET: path });
  await program.waitText("stderr", /^lunet trace: Cannot listen at .*found a file, wanted nothing or a socket/);
  assert.equal(statSync(path).size, 8);
  program.send("SIGTERM");
  assert.equal((await program.ended()).status, 3);
});

test("the page may load nothing but its own files, and is never kept", async () => {
  using session = new Session();
  const { program, port } = await startPage(session);
  await using _ = program;
  const page = await ask({ port }, "/");
  assert.equal(page.status, 200);
  assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
  assert.equal(page.headers["cache-control"], "no-store");
  assert.equal(page.headers["x-content-type-options"], "nosniff");
  const policy = String(page.headers["content-security-policy"]);
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.doesNotMatch(page.body, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/, "nothing is inline");
  for (const [, path] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
    const { status, headers } = await ask({ port }, path ?? "");
    assert.equal(status, 200, String(path));
    assert.equal(headers["cache-control"], "no-store");
  }
});

test("the page's port answers loopback names alone, and only GET and HEAD", async () => {
  using session = new Session();
  const { program, port } = await startPage(session);
  await using _ = program;
  for (const host of [`localhost:${port}`, "127.0.0.1", `[::1]:${port}`, "LOCALHOST"]) {
    assert.equal((await ask({ port }, "/process.json", { host })).status, 200, host);
  }
  for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example", "127.0.0.1.evil.example"]) {
    const { status, body } = await ask({ port }, "/snapshot.json", { host });
    assert.equal(status, 403, host);
    assert.match(body, /Cannot answer: found a Host that is no loopback name/);
  }
  assert.match(await speak(port, "GET /tree.txt HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 403 /);
  assert.match(await speak(port, "GET /tree.txt HTTP/1.1\r\nHost:\r\n\r\n"), /^HTTP\/1\.1 40[03] /);
  const head = await ask({ port }, "/tree.txt", { method: "HEAD" });
  assert.deepEqual([head.status, head.body], [200, ""]);
  for (const method of ["POST", "DELETE", "OPTIONS"]) {
    const { status, headers } = await ask({ port }, "/", { method });
    assert.deepEqual([status, headers.allow], [405, "GET, HEAD"], method);
  }
  assert.equal((await ask({ port }, "/nothing")).status, 404);
  // Over the socket whoever may open it may ask, under any name.
  const socketPath = session.socketOf(program.pid);
  assert.match((await ask({ socketPath }, "/tree.txt", { host: "any.name" })).body, HELD_LINE);
  assert.match((await ask({ socketPath }, "/summary.txt")).body, /^lunet trace: summary\n/);
});

test("connections that nobody uses take no more than their number, and hold no program back", async () => {
  using session = new Session();
  const { program, port } = await startPage(session);
  await using _ = program;
  const idle = Array.from({ length: 16 }, () => connect({ port, host: "127.0.0.1" }));
  const closed = idle.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  await Promise.all(idle.map((socket) => connected(socket)));
  await assert.rejects(ask({ port }, "/process.json"));
  program.send("SIGTERM");
  assert.equal((await program.ended()).status, 3);
  await Promise.all(closed);
});

function connected(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  return new Promise((resolve) => socket.once("connect", () => resolve()));
}

test("being watched changes neither the end nor the status of a program", async () => {
  using session = new Session();
  const environment = session.environment({ LUNET_TRACE_PORT: "0", LUNET_TRACE_SUMMARY: "off" });
  for (const [end, wanted] of [
    ["return", 7],
    ["fail", 1],
  ] as const) {
    await using program = startTraced("held-connection", [end], environment);
    assert.equal((await program.ended()).status, wanted);
  }
  await using waiting = startTraced("held-connection", ["no-handler"], environment);
  await waiting.waitText("stdout", /ready\n/);
  await waiting.waitText("stderr", /page at/);
  waiting.send("SIGTERM");
  const { status, signal } = await waiting.ended();
  assert.deepEqual([status, signal], [null, "SIGTERM"]);
});

test("the release build has none of it: no socket, no page, and SIGUSR2 ends the process as ever", async () => {
  using session = new Session();
  const environment = session.environment({ LUNET_TRACE_PORT: "0" });
  await using program = new NodeProcess([programFile("held-connection"), "no-handler"], environment);
  await program.waitText("stdout", /ready\n/);
  program.send("SIGUSR2");
  const { signal, stderr } = await program.ended();
  assert.deepEqual([signal, stderr], ["SIGUSR2", ""]);
  assert.ok(!existsSync(session.sockets));
});
