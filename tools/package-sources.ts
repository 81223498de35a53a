import { cpSync, globSync } from "node:fs";
import { join } from "node:path";

/** Copies what a package is built of into a new folder: its manifest and its sources, without the tests. */
export function copySources(from: string, to: string): void {
  cpSync(join(from, "package.json"), join(to, "package.json"));
  cpSync(join(from, "src"), join(to, "src"), {
    recursive: true,
    filter: (path) => !/\.(test|fixture)\.ts$/.test(path),
  });
}

/** The sources that may hold trace code, from `folder`: all but the trace itself. */
export function tracedFiles(folder: string): string[] {
  return globSync("src/**/*.ts", { cwd: folder }).filter((file) => !file.startsWith(join("src", "trace")));
}
