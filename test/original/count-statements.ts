/**
 * Loaded before a program with `--import`: appends one byte to the file named by STATEMENT_COUNT_FILE for each
 * statement that node:sqlite runs, on any thread of the process.
 */
import { appendFileSync } from "node:fs";
import { StatementSync } from "node:sqlite";

const file = process.env["STATEMENT_COUNT_FILE"];
if (file === undefined) throw new Error('Cannot count statements: found no "STATEMENT_COUNT_FILE", wanted a path');

for (const name of ["all", "get", "run", "iterate"] as const) {
  const original: (...parameters: never[]) => unknown = StatementSync.prototype[name];
  Object.defineProperty(StatementSync.prototype, name, {
    value(this: StatementSync, ...parameters: never[]): unknown {
      appendFileSync(file, ".");
      return original.apply(this, parameters);
    },
  });
}
