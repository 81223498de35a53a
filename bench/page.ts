/** Figures that go into a page of docs/, between two lines that mark their place. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The lines between which a program writes. */
export interface Place {
  readonly page: string;
  readonly begin: string;
  readonly end: string;
}

/** Writes what stands at the place anew, in the project's format. */
export function writePage({ page, begin, end }: Place, text: string): void {
  const before = readFileSync(page, "utf8");
  const [first, last] = [before.indexOf(begin), before.indexOf(end)];
  if (first < 0 || last < first) throw new Error(`Cannot write ${page}: found no lines "${begin}" and "${end}" in it`);
  writeFileSync(page, `${before.slice(0, first + begin.length)}\n\n${text}\n\n${before.slice(last)}`);
  const { status } = spawnSync(process.execPath, ["node_modules/oxfmt/bin/oxfmt", page], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`Cannot format ${page}: oxfmt ended with status ${status}`);
}

/** The machine in a few words, the kernel last. */
export function describeMachine(): string {
  const [core] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${core?.model.trim()}, ${cpus().length} cores, ${memory} GiB, Linux ${release()}`;
}
