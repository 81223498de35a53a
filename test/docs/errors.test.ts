/** docs/errors.md has every stable code of the runtime, once, with its class and what the runtime itself says of it. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { httpErrors } from "lunet/http";
import { databaseErrors } from "lunet/db";

/** Codes that Node gives, which the runtime reads. */
const CODES_OF_NODE = new Set(["ERR_OUT_OF_RANGE", "ERR_MODULE_NOT_FOUND"]);
/** Classes of the language, for mistakes of the program. */
const BUILT_IN: Readonly<Record<string, unknown>> = { TypeError, RangeError };

const root = join(import.meta.dirname, "..", "..");

/** One row of one of the tables, by the names of its columns, and the subpath in the heading above it. */
interface Row {
  readonly from: string;
  readonly cells: Readonly<Record<string, string>>;
}

const rows = readTables(readFileSync(join(root, "docs", "errors.md"), "utf8"));

test("every code in the sources of the runtime is in the table, and every code of the table in the sources", () => {
  const sources = globSync("packages/lunet/src/**/*.ts", { cwd: root }).filter((path) => !path.endsWith(".test.ts"));
  const codes = sources.flatMap(
    (path) => readFileSync(join(root, path), "utf8").match(/\bERR_[A-Z0-9_]*[A-Z0-9]\b/g) ?? [],
  );
  const used = new Set(codes.filter((code) => !CODES_OF_NODE.has(code)));
  const listed = rows.map(codeOf);
  assert.deepEqual(
    {
      notInTable: [...used].filter((code) => !listed.includes(code)),
      notInSources: listed.filter((code) => !used.has(code)),
      twiceInTable: listed.filter((code, at) => listed.indexOf(code) !== at),
    },
    { notInTable: [], notInSources: [], twiceInTable: [] },
  );
});

test("every row of the table says what it means, and whose fault it is", () => {
  for (const row of rows) {
    for (const column of ["Code", "Class", "Meaning", "Whose fault, and what to do"])
      assert.ok(row.cells[column], `${codeOf(row)} has no "${column}"`);
  }
});

test("every class of the table is exported by the subpath of its heading", async () => {
  for (const from of new Set(rows.map((row) => row.from))) {
    const module = (await import(from)) as Readonly<Record<string, unknown>>;
    for (const row of rows.filter((one) => one.from === from)) {
      const name = row.cells["Class"]!.replaceAll("`", "");
      const found = BUILT_IN[name] ?? module[name];
      assert.ok(typeof found === "function" && found.prototype instanceof Error, `${from} exports no error "${name}"`);
    }
  }
});

test("status and meaning of the HTTP errors are those of httpErrors", () => {
  const found = rows.filter(({ cells }) => cells["Class"] === "`HttpError`");
  assert.deepEqual(
    Object.fromEntries(
      found.map((row) => [codeOf(row), { status: Number(row.cells["Status"]), meaning: row.cells["Meaning"] }]),
    ),
    httpErrors,
  );
});

test("meaning, fault and retry of the database errors are those of databaseErrors", () => {
  const found = rows.filter(({ cells }) => cells["Class"] === "`DatabaseError`");
  assert.deepEqual(
    Object.fromEntries(
      found.map((row) => [
        codeOf(row),
        { meaning: row.cells["Meaning"], fault: row.cells["Fault"], retryable: row.cells["Retry"] === "yes" },
      ]),
    ),
    databaseErrors,
  );
});

function codeOf(row: Row): string {
  return row.cells["Code"]!.replaceAll("`", "");
}

function readTables(markdown: string): Row[] {
  const found: Row[] = [];
  let from = "";
  let columns: readonly string[] = [];
  for (const line of markdown.split("\n")) {
    from = /^## .*\(`(lunet[a-z/]*)`\)$/.exec(line)?.[1] ?? from;
    if (!line.startsWith("|")) {
      columns = [];
      continue;
    }
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (columns.length === 0) columns = cells;
    else if (!/^-+$/.test(cells[0]!))
      found.push({ from, cells: Object.fromEntries(columns.map((name, at) => [name, cells[at] ?? ""])) });
  }
  return found;
}
