import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as nodeFs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { balance } from "#trace";
import {
  Cancelled,
  NotInCoroutineError,
  scope,
  shield,
  sleep,
  spawn,
  supervise,
  suspend,
  withDeadline,
} from "../co/mod.ts";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import {
  CLOSE_BUDGET_MS,
  type File,
  FileError,
  MAX_READ_BYTES,
  mkdir,
  open,
  type OpenFlags,
  readdir,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
} from "./mod.ts";

const folder = nodeFs.mkdtempSync(join(nodeFs.realpathSync(tmpdir()), "lunet-fs-"));
after(() => nodeFs.rmSync(folder, { recursive: true }));

let names = 0;
/** A path that no test has used. */
function newPath(): string {
  return join(folder, `file-${names++}`);
}

function newFifo(): string {
  const path = newPath();
  execFileSync("mkfifo", [path]);
  return path;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The descriptors of this process that are open on `path`. */
function descriptorsOf(path: string): number {
  return nodeFs.readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return nodeFs.readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false;
    }
  }).length;
}

function turn(): Promise<void> {
  return suspend<void>("turn", (resume) => void setImmediate(resume));
}

/** Turns the loop until no more than `left` files are open on `path`, in the system's books and in ours. */
async function waitClosed(path: string, left = 0): Promise<void> {
  const living = () => balance().get("file")?.live ?? left;
  // An open that was left is no descriptor yet while it stands in line for a thread.
  const isOpening = () => process.getActiveResourcesInfo().includes("FSReqCallback");
  await shield(5_000, async () => {
    while (isOpening() || descriptorsOf(path) > left || living() > left) await turn();
  });
}

coroutineTest("what is written is read back, at the file's own offset and at given ones", async () => {
  await using file = await open(newPath(), "w+");
  await file.write("hello world");
  assert.equal(textOf(await file.read(5, 6)), "world");
  await file.write("W", 6);
  await file.write("!");
  assert.equal(textOf(await file.read(100, 0)), "hello World!");
  assert.equal((await file.read(10)).byteLength, 0, "the own offset is at the end");
  assert.equal((await file.read(10, 100)).byteLength, 0, "past the end there is nothing");
});

coroutineTest("reads move the own offset, and given positions leave it", async () => {
  const path = newPath();
  await writeFile(path, "abcdef");
  await using file = await open(path, "r");
  assert.equal(textOf(await file.read(2)), "ab");
  assert.equal(textOf(await file.read(1, 5)), "f");
  assert.equal(textOf(await file.read(2)), "cd");
  assert.equal(textOf(await file.read(0)), "");
  assert.equal(textOf(await file.read(9)), "ef", "fewer at the end");
});

coroutineTest("a read into a buffer fills it and gives the count", async () => {
  await using file = await open(newPath(), "w+");
  await file.write("abc");
  const buffer = new Uint8Array(5);
  assert.equal(await file.read(buffer, 1), 2);
  assert.deepEqual([...buffer], [98, 99, 0, 0, 0]);
});

coroutineTest("NUL and bytes that are no text survive", async () => {
  const path = newPath();
  const bytes = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
  await writeFile(path, bytes);
  assert.deepEqual([...(await readFile(path))], [...bytes]);
});

coroutineTest("a large write is written whole, and can be read in pieces and as one", async () => {
  const path = newPath();
  const bytes = new Uint8Array(3 * 1024 * 1024 + 7).map((_, index) => index % 251);
  await writeFile(path, bytes);
  await using file = await open(path, "r");
  assert.equal((await file.stat()).sizeBytes, bytes.byteLength);
  assert.deepEqual(Buffer.from(await file.read(1000, bytes.byteLength - 7)), Buffer.from(bytes.subarray(-7)));
  assert.ok(Buffer.from(await readFile(path)).equals(bytes));
});

coroutineTest("a hole that a position leaves is zeros", async () => {
  await using file = await open(newPath(), "w+");
  await file.write("x", 3);
  assert.deepEqual([...(await file.read(10, 0))], [0, 0, 0, 120]);
});

coroutineTest("the flags do what fopen's do", async () => {
  const path = newPath();
  await assert.rejects(open(path, "r"), { code: "ERR_FILE_NOT_FOUND", errno: "ENOENT", syscall: "open", path });
  await assert.rejects(open(path, "r+"), { code: "ERR_FILE_NOT_FOUND" });
  const contentAfter = async (flags: OpenFlags, text: string, position?: number) => {
    {
      await using file = await open(path, flags);
      await file.write(text, position);
    }
    return textOf(await readFile(path));
  };
  assert.equal(await contentAfter("wx", "1234"), "1234");
  await assert.rejects(open(path, "wx"), { code: "ERR_FILE_EXISTS" });
  await assert.rejects(open(path, "ax+"), { code: "ERR_FILE_EXISTS" });
  assert.equal(await contentAfter("r+", "ab"), "ab34");
  assert.equal(await contentAfter("a", "5"), "ab345");
  assert.equal(await contentAfter("a+", "6", 0), "ab3456");
  assert.equal(await contentAfter("w", "new"), "new");
  {
    await using writeOnly = await open(path, "a");
    await assert.rejects(writeOnly.read(1), { code: "ERR_FILE_WRONG_FLAGS", errno: "EBADF" });
    await using readOnly = await open(path, "r");
    await assert.rejects(readOnly.write("x"), { code: "ERR_FILE_WRONG_FLAGS" });
  }
  await assert.rejects(open(path, "rw" as OpenFlags), RangeError);
});

coroutineTest("mode is what a file is made with", async () => {
  const path = newPath();
  await writeFile(path, "secret", { mode: 0o600 });
  assert.equal((await stat(path)).mode, 0o600);
  const other = newPath();
  await (await open(other, "wx", { mode: 0o640 })).close();
  assert.equal((await stat(other)).mode & 0o700, 0o600);
});

coroutineTest("truncate cuts and fills, sync waits for the device, stat tells", async () => {
  await using file = await open(newPath(), "w+");
  await file.write("abcdef");
  await file.truncate(3);
  await file.sync();
  assert.equal(textOf(await file.read(10, 0)), "abc");
  await file.truncate(5);
  assert.deepEqual([...(await file.read(10, 3))], [0, 0]);
  await file.truncate();
  const status = await file.stat();
  assert.equal(status.sizeBytes, 0);
  assert.equal(status.kind, "file");
  assert.ok(Math.abs(status.modifiedMs - Date.now()) < 60_000);
});

coroutineTest("numbers that are no count, position or size are refused", async () => {
  await using file = await open(newPath(), "w+");
  for (const bad of [-1, 1.5, Number.NaN, Infinity]) {
    await assert.rejects(file.read(bad), RangeError);
    await assert.rejects(file.read(1, bad), RangeError);
    await assert.rejects(file.write("x", bad), RangeError);
    await assert.rejects(file.truncate(bad), RangeError);
  }
  await assert.rejects(file.read(MAX_READ_BYTES + 1), RangeError);
  assert.equal((await file.stat()).sizeBytes, 0);
});

coroutineTest(
  "use after close throws ERR_CLOSED, a second close too, and disposing is no use",
  async () => {
    const path = newPath();
    const file = await open(path, "w+");
    assert.equal(file.closed, false);
    await file.close();
    assert.equal(file.closed, true);
    assert.equal(descriptorsOf(path), 0);
    const uses = [
      () => file.read(1),
      () => file.write("x"),
      () => file.stat(),
      () => file.truncate(),
      () => file.sync(),
      () => file.close(),
    ];
    for (const use of uses) await assert.rejects(use, { code: "ERR_CLOSED" });
    await file[Symbol.asyncDispose]();
  },
  { provokes: ["D", "E"] },
);

coroutineTest("await using closes on success, on failure and on cancel", async () => {
  const path = newPath();
  const files: File[] = [];
  const use = async (body: () => Promise<void>) => {
    await using file = await open(path, "w");
    files.push(file);
    await body();
  };
  await use(async () => {});
  await assert.rejects(
    use(() => Promise.reject(new Error("body"))),
    { message: "body" },
  );
  const child = spawn(() => use(() => sleep(60_000)));
  while (files.length < 3) await turn();
  child.cancel();
  await assert.rejects(child.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.deepEqual(
    files.map((file) => file.closed),
    [true, true, true],
  );
  assert.equal(descriptorsOf(path), 0);
});

coroutineTest("close wakes whoever waits on the file, and the descriptor goes when the system lets go", async () => {
  const path = newFifo();
  const file = await open(path, "r+");
  const reader = spawn(() => file.read(10).catch((error: unknown) => error));
  await turn();
  const closer = spawn(() => file.close());
  assert.equal(((await reader.join()) as FileError).code, "ERR_CLOSED");
  assert.equal(closer.state, "running");
  assert.equal(descriptorsOf(path), 1, "a late read must not come upon somebody else's file");
  {
    await using other = await open(path, "w");
    await other.write("x");
  }
  await closer.join();
  assert.equal(descriptorsOf(path), 0);
});

clockTest("close waits no longer than its budget, and a cancel does not reach it", async (clock) => {
  const path = newFifo();
  const file = await open(path, "r+");
  const reader = spawn(() => file.read(10).catch(() => "woken"));
  await turn();
  await supervise(
    async () => {
      const closer = spawn(() => file.close());
      closer.cancel();
      await clock.advance(CLOSE_BUDGET_MS - 1);
      assert.equal(closer.state, "running");
      await clock.advance(1);
      await assert.rejects(closer.join(), { code: "ERR_DEADLINE" });
    },
    { onFailure: () => {} },
  );
  assert.equal(await reader.join(), "woken");
  {
    await using other = await open(path, "w");
    await other.write("x");
  }
  await waitClosed(path);
});

coroutineTest("one operation at a time uses the file's own offset", async () => {
  const path = newFifo();
  await using file = await open(path, "r+");
  const reader = spawn(() => file.read(10));
  await turn();
  await assert.rejects(file.read(1), { code: "ERR_FILE_BUSY" });
  await assert.rejects(file.write("x"), { code: "ERR_FILE_BUSY" });
  assert.equal((await file.stat()).kind, "fifo", "what does not use the offset goes on");
  await using other = await open(path, "r+");
  await other.write("data");
  assert.equal(textOf(await reader.join()), "data");
});

coroutineTest("a read under way when a cancel comes ends first, and its value counts", async () => {
  const path = newFifo();
  await using file = await open(path, "r+");
  await using other = await open(path, "r+");
  const seen: string[] = [];
  const reader = spawn(async () => {
    seen.push(textOf(await file.read(10)));
    await file.stat();
  });
  await turn();
  reader.cancel();
  await turn();
  assert.equal(reader.state, "running");
  await other.write("late");
  await assert.rejects(reader.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.deepEqual(seen, ["late"]);
});

coroutineTest("a cancel that races open leaks no descriptor, whenever it comes", async () => {
  const path = newPath();
  for (let round = 0; round < 200; round++) {
    const child = spawn(async () => {
      await using _file = await open(path, "w");
      await turn();
    });
    for (let step = 0; step < round % 7; step++) await (step % 2 === 0 ? turn() : Promise.resolve());
    child.cancel();
    await child.join().catch((error: { code: string }) => assert.equal(error.code, "ERR_COROUTINE_CANCELLED"));
  }
  await waitClosed(path);
});

coroutineTest("a deadline leaves an open that hangs, and what opens late is closed", async () => {
  const path = newFifo();
  await assert.rejects(
    withDeadline(5, () => open(path, "r")),
    { code: "ERR_DEADLINE" },
  );
  await using writer = await open(path, "w");
  assert.equal(writer.closed, false);
  await waitClosed(path, 1);
});

coroutineTest("what changes something is waited for at a cancel", async () => {
  const path = newPath();
  const child = spawn(async () => {
    await mkdir(path);
    return "made";
  });
  child.cancel();
  assert.equal(await child.join(), "made");
  assert.equal((await stat(path)).kind, "directory");
});

coroutineTest("stat tells kinds, and about a link or what it points to", async () => {
  const path = newPath();
  await writeFile(path, "1234");
  const link = newPath();
  nodeFs.symlinkSync(path, link);
  assert.equal((await stat(folder)).kind, "directory");
  assert.equal((await stat("/dev/null")).kind, "character-device");
  assert.equal((await stat(link)).sizeBytes, 4);
  assert.equal((await stat(link, { followSymlinks: false })).kind, "symlink");
  assert.equal((await stat(link)).inode, (await stat(path)).inode);
  assert.equal(await realpath(link), path);
  assert.equal(await realpath(`${folder}/./.`), folder);
  await assert.rejects(realpath(`${folder}/missing/..`), { code: "ERR_FILE_NOT_FOUND", syscall: "realpath" });
});

coroutineTest("readdir gives names with kinds, sorted, and no more than it is told", async () => {
  const path = newPath();
  await mkdir(path);
  assert.deepEqual(await readdir(path), []);
  await mkdir(join(path, "b"));
  await writeFile(join(path, "c"), "");
  await writeFile(join(path, "A"), "");
  await writeFile(join(path, "ä"), "");
  const entries = [
    { name: "A", kind: "file" },
    { name: "b", kind: "directory" },
    { name: "c", kind: "file" },
    { name: "ä", kind: "file" },
  ];
  assert.deepEqual(await readdir(path), entries);
  assert.deepEqual(await readdir(path, { maxEntries: 4 }), entries);
  await assert.rejects(readdir(path, { maxEntries: 3 }), { code: "ERR_FILE_TOO_LARGE", path });
  await assert.rejects(readdir(join(path, "c")), { code: "ERR_FILE_NOT_DIRECTORY" });
  assert.equal(descriptorsOf(path), 0);
});

coroutineTest("readFile takes maxBytes and not one more", async () => {
  const path = newPath();
  await writeFile(path, "12345");
  assert.equal(textOf(await readFile(path, { maxBytes: 5 })), "12345");
  await assert.rejects(readFile(path, { maxBytes: 4 }), {
    code: "ERR_FILE_TOO_LARGE",
    message: `Cannot read "${path}": found 5 bytes, limit is 4`,
  });
  assert.equal((await readFile(path)).byteLength, 5);
  await writeFile(path, "");
  assert.equal((await readFile(path, { maxBytes: 0 })).byteLength, 0);
  assert.equal(descriptorsOf(path), 0);
});

coroutineTest("readFile reads what does not know its size, within the limit", async () => {
  const status = textOf(await readFile("/proc/self/status"));
  assert.match(status, /^Name:/);
  await assert.rejects(readFile("/proc/self/status", { maxBytes: 10 }), { code: "ERR_FILE_TOO_LARGE" });
  await assert.rejects(readFile("/dev/zero", { maxBytes: 100_000 }), { code: "ERR_FILE_TOO_LARGE" });
});

coroutineTest("writeFile replaces, and with exclusive it does not", async () => {
  const path = newPath();
  await writeFile(path, "long content");
  await writeFile(path, bytesOf("short"));
  assert.equal(textOf(await readFile(path)), "short");
  await assert.rejects(writeFile(path, "x", { exclusive: true }), { code: "ERR_FILE_EXISTS", errno: "EEXIST" });
  assert.equal(textOf(await readFile(path)), "short");
});

coroutineTest("mkdir, rename and unlink do as POSIX says", async () => {
  const path = newPath();
  await assert.rejects(mkdir(join(path, "deep")), { code: "ERR_FILE_NOT_FOUND" });
  await mkdir(join(path, "deep"), { recursive: true, mode: 0o700 });
  await mkdir(join(path, "deep"), { recursive: true });
  await assert.rejects(mkdir(path), { code: "ERR_FILE_EXISTS" });
  assert.equal((await stat(join(path, "deep"))).mode, 0o700);
  await writeFile(join(path, "a"), "a");
  await writeFile(join(path, "b"), "b");
  await rename(join(path, "a"), join(path, "b"));
  assert.equal(textOf(await readFile(join(path, "b"))), "a");
  await assert.rejects(rename(join(path, "a"), join(path, "c")), { code: "ERR_FILE_NOT_FOUND", syscall: "rename" });
  await unlink(join(path, "b"));
  await assert.rejects(unlink(join(path, "b")), { code: "ERR_FILE_NOT_FOUND" });
  await assert.rejects(rename(path, join(path, "deep", "er")), { code: "ERR_FILE", errno: "EINVAL" });
});

coroutineTest("an error says what was done to what, keeps its cause, and its stack has the caller", async () => {
  const path = newPath();
  async function loadSettings(): Promise<Uint8Array> {
    return await readFile(path);
  }
  await assert.rejects(loadSettings, (error) => {
    assert.ok(error instanceof FileError);
    assert.equal(error.message, `Cannot open "${path}": found no such file or directory`);
    assert.equal((error.cause as NodeJS.ErrnoException).code, "ENOENT");
    assert.match(error.stack ?? "", /loadSettings/);
    return true;
  });
});

coroutineTest("a path with NUL, or that is no text, is refused everywhere", async () => {
  const operations: ((path: string) => Promise<unknown>)[] = [
    (path) => open(path, "r"),
    (path) => stat(path),
    (path) => realpath(path),
    (path) => readdir(path),
    (path) => readFile(path),
    (path) => writeFile(path, ""),
    (path) => mkdir(path),
    (path) => rename(path, folder),
    (path) => rename(folder, path),
    (path) => unlink(path),
  ];
  for (const operation of operations) {
    await assert.rejects(operation(`${folder}\0x`), { code: "ERR_FILE_INVALID_PATH", errno: undefined });
    await assert.rejects(operation(7 as unknown as string), TypeError);
  }
  assert.ok(nodeFs.existsSync(folder));
});

test("every operation is refused outside a coroutine, before it has any effect", async () => {
  const path = newPath();
  for (const operation of [() => open(path, "w"), () => writeFile(path, ""), () => mkdir(path), () => stat(folder)]) {
    await assert.rejects(operation, NotInCoroutineError);
  }
  assert.equal(nodeFs.existsSync(path), false);
});

coroutineTest(
  "nothing starts in a scope that is cancelled",
  async () => {
    const path = newPath();
    await scope(async () => {
      const child = spawn(async () => {
        await sleep(60_000).catch(() => {});
        await assert.rejects(open(path, "w"), Cancelled);
        await assert.rejects(mkdir(path), Cancelled);
      });
      child.cancel();
    });
    assert.equal(nodeFs.existsSync(path), false);
  },
  { provokes: ["M"] },
);
