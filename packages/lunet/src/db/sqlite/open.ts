/** Opens a file or a memory database: checks the options, and makes the file where there is none. */
import { dirname, resolve } from "node:path";
import * as fs from "../../fs/mod.ts";
import type { OpenOptions, SqliteOptions } from "../contract.ts";
import { DatabaseError } from "../errors.ts";
import { checkRanges, COMMON_RANGES, type Ranges } from "../option-ranges.ts";
import { SqliteDatabase, type SqliteSettings } from "./database.ts";

/** A database holds what its users wrote: it is for the account that runs the program alone. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

type AllOptions = Required<Omit<OpenOptions, "sqlite" | "network">> & { readonly sqlite: Required<SqliteOptions> };

/** Opens what `url` names, a `sqlite:` address. */
export async function openSqlite(url: string, options: AllOptions): Promise<SqliteDatabase> {
  const { sqlite, ...rest } = options;
  const settings: SqliteSettings = { ...rest, ...sqlite, path: pathOf(url) };
  check(settings);
  if (settings.path !== ":memory:") await makeFile(settings);
  const database = new SqliteDatabase(settings);
  try {
    await database.warm();
    return database;
  } catch (error) {
    database.destroy();
    throw error;
  }
}

function pathOf(url: string): string {
  const rest = url.slice("sqlite:".length);
  if (rest === ":memory:") return rest;
  const path = rest.startsWith("//") ? rest.slice(2) : rest;
  if (path === "" || path.includes("\0") || (rest.startsWith("//") && !path.startsWith("/"))) {
    throw new DatabaseError(
      "ERR_DB_URL",
      `Cannot open ${JSON.stringify(url)}: found no path, wanted "sqlite:<path>", "sqlite:///<absolute path>" or "sqlite::memory:"`,
    );
  }
  // An absolute path is never taken for one of SQLite's own addresses, such as "file:…" or ":memory:".
  return resolve(path);
}

async function makeFile({ path, readOnly }: SqliteSettings): Promise<void> {
  if (readOnly) return;
  try {
    await fs.mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
    // SQLite gives its log the mode of the file.
    const file = await fs.open(path, "a", { mode: FILE_MODE });
    await file.close();
  } catch (error) {
    if (!(error instanceof fs.FileError)) throw error;
    throw new DatabaseError("ERR_DB_OPEN", `Cannot open database "${path}": ${error.message}`, { cause: error });
  }
}

/** The range of each number. */
const RANGES: Ranges<SqliteSettings> = {
  ...COMMON_RANGES,
  busyTimeoutMs: [0, 2 ** 31 - 1],
  readers: [1, 16],
  inlineBudgetMs: [0, Infinity],
  maxGroupSize: [1, 10_000],
  cacheKiB: [64, 2 ** 31 - 1],
};

function check(settings: SqliteSettings): void {
  checkRanges(settings, RANGES);
  const { synchronous, readOnly, path } = settings;
  if (synchronous !== "full" && synchronous !== "normal") {
    throw new RangeError(
      `Cannot open a database: found ${JSON.stringify(synchronous)} for "synchronous", wanted "full" or "normal"`,
    );
  }
  if (readOnly && path === ":memory:") {
    throw new RangeError("Cannot open a database: found a memory database for reading alone, wanted a file");
  }
}
