/** The shapes that rows come in. */
import { DatabaseError } from "./errors.ts";

/** What a statement gave, as a driver reads it: arrays, which cost least. */
export interface ResultRows {
  readonly columns: readonly string[];
  readonly rows: unknown[][];
}

/** The rows as they are. */
export function toArrays({ rows }: ResultRows): unknown[][] {
  return rows;
}

/** Each row as an object by column name. Throws `ERR_DB_COLUMN_NAMES` when a name is there twice or is `__proto__`. */
export function toObjects({ columns, rows }: ResultRows): object[] {
  if (rows.length > 0) checkNames(columns);
  return rows.map((row) => toObject(columns, row));
}

/** The first row as an object. */
export function toFirstObject({ columns, rows }: ResultRows): object | undefined {
  const [row] = rows;
  if (row === undefined) return undefined;
  checkNames(columns);
  return toObject(columns, row);
}

function toObject(columns: readonly string[], row: readonly unknown[]): object {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i++) object[columns[i] as string] = row[i];
  return object;
}

/** Names that were checked. Drivers give the same array for the same statement as long as they can. */
const checked = new WeakSet<readonly string[]>();

function checkNames(columns: readonly string[]): void {
  if (checked.has(columns)) return;
  const seen = new Set<string>();
  for (const name of columns) {
    if (seen.has(name) || name === "__proto__") {
      const found = name === "__proto__" ? `the column name "${name}"` : `two columns "${name}"`;
      throw new DatabaseError(
        "ERR_DB_COLUMN_NAMES",
        `Cannot give rows as objects: found ${found}, wanted names that can be told apart, or queryRows()`,
      );
    }
    seen.add(name);
  }
  checked.add(columns);
}
