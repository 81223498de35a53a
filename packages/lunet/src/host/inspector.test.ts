import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock, test } from "node:test";
import { askSocket } from "./inspector-client.ts";
import {
  checkSocketFolder,
  listSockets,
  makeSocketFolder,
  processState,
  socketFolders,
  socketOf,
} from "./inspector-folder.ts";
import { type Inspect, listenOnLoopback, listenOnSocket, removeDesertedSockets } from "./inspector.ts";

const echo: Inspect = (path) => {
  if (path === "/fault") throw new Error("on order");
  return path === "/none" ? undefined : { type: "text/plain", body: `at ${path}` };
};

/** A folder that goes with its block. */
function temporary(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "inspector-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test("the folder for sockets is the session's where there is one, and one below the system's otherwise", () => {
  using session = temporary();
  const ofSystem = join(tmpdir(), `lunet-${process.getuid?.()}`);
  assert.deepEqual(socketFolders({}), [ofSystem]);
  assert.deepEqual(socketFolders({ XDG_RUNTIME_DIR: "" }), [ofSystem]);
  assert.deepEqual(socketFolders({ XDG_RUNTIME_DIR: "relative" }), [ofSystem]);
  assert.deepEqual(socketFolders({ XDG_RUNTIME_DIR: join(session.path, "none") }), [ofSystem]);
  assert.deepEqual(socketFolders({ XDG_RUNTIME_DIR: session.path }), [join(session.path, "lunet"), ofSystem]);
});

test("a folder for sockets is made with mode 0700; a link, a file and one that others may enter are refused", () => {
  using session = temporary();
  const folder = join(session.path, "lunet");
  makeSocketFolder(folder);
  makeSocketFolder(folder);
  for (const mode of [0o710, 0o701, 0o770, 0o777]) {
    chmodSync(folder, mode);
    assert.throws(() => checkSocketFolder(folder), { message: new RegExp(`found mode 0${mode.toString(8)}, wanted`) });
  }
  chmodSync(folder, 0o700);
  checkSocketFolder(folder);
  symlinkSync(folder, join(session.path, "link"));
  assert.throws(() => makeSocketFolder(join(session.path, "link")), /found a symbolic link/);
  writeFileSync(join(session.path, "file"), "");
  assert.throws(() => checkSocketFolder(join(session.path, "file")), /found no folder/);
});

test("what is called as a socket is, and is one, is listed by its number", async () => {
  using session = temporary();
  assert.deepEqual(listSockets(join(session.path, "none")), []);
  const folder = join(session.path, "lunet");
  makeSocketFolder(folder);
  for (const pid of [20, 3]) await listenOnSocket(socketOf(folder, pid), echo);
  for (const name of ["5.sock", "x.sock", "6.txt"]) writeFileSync(join(folder, name), "");
  mkdirSync(join(folder, "7.sock"));
  assert.deepEqual(listSockets(folder), [
    { pid: 3, path: join(folder, "3.sock") },
    { pid: 20, path: join(folder, "20.sock") },
  ]);
});

test("a process is told to live or to be gone", () => {
  assert.equal(processState(process.pid), "alive");
  assert.equal(processState(2_147_483_646), "gone");
});

test("an answer comes over a socket; what is not there, and what fails, is told with its status", async () => {
  using session = temporary();
  const path = join(session.path, "a.sock");
  await listenOnSocket(path, echo);
  assert.equal(await askSocket(path, "/tree?x=1", 5_000), "at /tree");
  await assert.rejects(askSocket(path, "/none", 5_000), { message: /found status 404: Cannot answer: found nothing/ });
  await assert.rejects(askSocket(path, "/fault", 5_000), { message: /found status 500: .*on order/ });
  assert.equal(await askSocket(path, "/again", 5_000), "at /again");
  await assert.rejects(askSocket(join(session.path, "none"), "/", 5_000), { code: "ENOENT" });
});

test("whoever asks gives up when the time is over", async () => {
  using session = temporary();
  const path = join(session.path, "mute.sock");
  const mute = createServer(() => {}).listen(path);
  await once(mute, "listening");
  await assert.rejects(askSocket(path, "/", 20), { code: "ETIMEDOUT", message: "found no answer within 20 ms" });
  mute.close();
});

test("a socket is its user's alone from the moment it is there, whatever the umask, which stays as it was", async () => {
  using session = temporary();
  const path = join(session.path, "a.sock");
  const modeOf = (file: string) => statSync(file).mode & 0o777;
  const before = process.umask(0o000);
  try {
    const listening = listenOnSocket(path, echo);
    // Nothing has run since it was made: had it another mode for any time, it would be seen here.
    assert.equal(modeOf(path), 0o600);
    await listening;
    assert.equal(modeOf(path), 0o600);
    await assert.rejects(listenOnSocket(path, echo), { code: "EADDRINUSE" });
    assert.equal(process.umask(), 0o000);
  } finally {
    process.umask(before);
  }
  assert.equal(await askSocket(path, "/", 5_000), "at /");
});

test("a path that is too long for a socket, and one that is taken, are refused", async () => {
  using session = temporary();
  const long = join(session.path, "x".repeat(120));
  await assert.rejects(listenOnSocket(long, echo), /found a path of \d+ bytes, wanted 10[37] at most/);
  const path = join(session.path, "a.sock");
  await listenOnSocket(path, echo);
  await assert.rejects(listenOnSocket(path, echo), { code: "EADDRINUSE" });
  assert.equal(await askSocket(path, "/", 5_000), "at /");
});

test("a socket that is listened on stays, even when its number is of no process here", async () => {
  using session = temporary();
  const folder = join(session.path, "lunet");
  makeSocketFolder(folder);
  const path = socketOf(folder, 2_147_483_646);
  await listenOnSocket(path, echo);
  await removeDesertedSockets(folder);
  assert.equal(await askSocket(path, "/", 5_000), "at /");
});

test("a connection is cut off after ten seconds, whatever it does", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const port = await listenOnLoopback(0, echo);
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", () => {});
    const closed = once(socket, "close");
    // The first answer shows that the connection is known; the second request never ends.
    await once(socket.setEncoding("latin1"), "connect");
    socket.write("GET / HTTP/1.1\r\nHost: loc");
    const other = connect({ port, host: "127.0.0.1" });
    other.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const [text] = (await once(other.setEncoding("latin1"), "data")) as [string];
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    mock.timers.tick(9_999);
    assert.equal(socket.destroyed, false);
    mock.timers.tick(1);
    await closed;
  } finally {
    mock.timers.reset();
  }
});
