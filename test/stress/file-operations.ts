/** Files in the run's own folder. */
import { scope, sleep, spawn, withDeadline } from "lunet";
import { mkdir, open, readdir, readFile, realpath, rename, stat, unlink, writeFile } from "lunet/fs";
import { check, type Operation, type World } from "./world.ts";

/** Several pieces of what a write hands to the system, and not much for a disk. */
const MAX_BYTES = 200_000;

async function withFile(world: World, bytes: Uint8Array, body: (path: string) => Promise<void>): Promise<void> {
  const path = world.newPath("bin");
  await writeFile(path, bytes);
  await body(path);
  await unlink(path);
}

export const fileOperations: Readonly<Record<string, Operation>> = {
  async "write and read a file"(world, random) {
    const bytes = new Uint8Array(random.below(MAX_BYTES)).fill(random.below(256));
    await withFile(world, bytes, async (path) => {
      const found = await readFile(path);
      check(Buffer.from(found).equals(bytes), () => `found ${found.length} bytes, wanted ${bytes.length}`);
    });
  },

  async "read and write at offsets"(world, random) {
    const path = world.newPath("bin");
    const parts = 1 + random.below(5);
    {
      await using file = await open(path, "w+");
      await scope(async () => {
        for (let part = 0; part < parts; part++) {
          spawn(async () => {
            const bytes = new Uint8Array(1_000).fill(part);
            await file.write(bytes, part * 1_000);
            const found = await file.read(1_000, part * 1_000);
            check(Buffer.from(found).equals(bytes), () => `part ${part} came back otherwise`);
          });
        }
      });
      check((await file.stat()).sizeBytes === parts * 1_000, () => "the file has another size");
      await file.truncate(10);
      if (random.below(4) === 0) await file.sync();
    }
    await unlink(path);
  },

  async "append, rename, look"(world, random) {
    const [before, after] = [world.newPath("log"), world.newPath("log")];
    const lines = 1 + random.below(4);
    for (let line = 0; line < lines; line++) {
      await using file = await open(before, "a");
      await file.write(`line ${line}\n`);
    }
    await rename(before, after);
    check((await stat(after)).kind === "file", () => "the file is none");
    const text = new TextDecoder().decode(await readFile(after));
    check(text.split("\n").length === lines + 1, () => `found ${JSON.stringify(text)}`);
    await unlink(after);
  },

  async folder(world) {
    const folder = world.newPath("d");
    await mkdir(`${folder}/inner`, { recursive: true });
    const entries = await readdir(folder);
    check(entries.length === 1 && entries[0]?.name === "inner", () => `found ${entries.length} entries`);
    await realpath(folder);
    await world.mustFail(["ERR_FILE_IS_DIRECTORY"], () => readFile(folder));
  },

  async "missing file"(world) {
    await world.mustFail(["ERR_FILE_NOT_FOUND"], () => readFile(world.newPath("none")));
    await world.mustFail(["ERR_FILE_NOT_FOUND"], () => unlink(world.newPath("none")));
  },

  async "name in use"(world) {
    await withFile(world, new Uint8Array(1), async (path) => {
      await world.mustFail(["ERR_FILE_EXISTS"], () => writeFile(path, "x", { exclusive: true }));
    });
  },

  async "file that is not open for it"(world) {
    await withFile(world, new Uint8Array(1), async (path) => {
      await using file = await open(path, "r");
      await world.mustFail(["ERR_FILE_WRONG_FLAGS"], () => file.write("x"));
    });
  },

  async "deadline in a file's work"(world, random) {
    const bytes = new Uint8Array(MAX_BYTES).fill(1);
    const timeoutMs = 1 + random.below(6);
    await withFile(world, bytes, async (path) => {
      await world.mayFail(["ERR_DEADLINE"], () =>
        withDeadline(timeoutMs, async () => {
          for (let round = 0; round < 20; round++) {
            await using file = await open(path, "r+");
            await file.write(bytes);
            await file.read(new Uint8Array(1_000), 0);
          }
        }),
      );
    });
  },

  async "cancel while a file is opened"(world, random) {
    const turns = random.below(3);
    await withFile(world, new Uint8Array(10), async (path) => {
      const opener = spawn(async () => {
        await using file = await open(path, "r");
        await file.read(10);
        await stat(path);
      });
      for (let turn = 0; turn < turns; turn++) await sleep(0);
      opener.cancel();
      await world.mayFail(["ERR_COROUTINE_CANCELLED"], () => opener.join());
    });
  },
};
