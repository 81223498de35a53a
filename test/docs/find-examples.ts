/**
 * Finds the examples of the documentation and makes a module of each, which can be type-checked and run as it is.
 *
 * The convention:
 * - A block fenced as `ts`, in Markdown or in a doc comment, is a whole module: it has its imports, and it ends by itself
 *   with status 0. Its relative imports start at the file that it stands in. Where it has `console.log(…); // text`, it
 *   prints that text. A port is replaced by 0, so that examples do not meet.
 * - `@example expression // value`, on one line, is evaluated with the exports of its file in scope and compared; without
 *   a value it must not throw. Those of one file become one module.
 * - A file in examples/ is an example as a whole, under the same rules as a fenced one.
 * - A block with another info string (`sh`, none) is no example.
 *
 * Line numbers of a module are those of the file, so that what the type checker says leads there.
 */
import { dirname, join, relative } from "node:path";
import { parseSync } from "oxc-parser";

/** One module made of documentation. */
export interface Example {
  /** The file that it stands in, from the root. */
  readonly path: string;
  /** Where it begins there, from 1. */
  readonly line: number;
  /** How many examples it has: more than one where one-liners share a module. */
  readonly count: number;
  readonly source: string;
  /** Lines that it prints, in this order; others may stand between. */
  readonly prints: readonly string[];
}

interface DocLine {
  readonly number: number;
  readonly text: string;
}

/**
 * Finds all examples of one file, Markdown or TypeScript.
 *
 * @param path The file, from `root`.
 * @param text What is in it.
 * @param place Where modules are going to stand: the folder, and the root of the project, both absolute.
 * @throws Error for an example that the convention does not know, with its place.
 */
export function findExamples(path: string, text: string, place: { folder: string; root: string }): Example[] {
  const inModule = (specifier: string): string => {
    const from = relative(place.folder, join(place.root, dirname(path), specifier));
    return from.startsWith(".") ? from : `./${from}`;
  };
  if (path.startsWith("examples/")) return [toModule(path, 1, text.split("\n"), inModule)];
  if (path.endsWith(".md")) {
    const lines = text.split("\n").map((line, index) => ({ number: index + 1, text: line }));
    return findFenced(path, lines, inModule);
  }
  const comments = docComments(text);
  const fenced = comments.flatMap((lines) => findFenced(path, lines, inModule));
  const oneLiners = comments.flatMap((lines) => findOneLiners(path, lines));
  if (oneLiners.length === 0) return fenced;
  return [...fenced, oneLinersModule(path, text, oneLiners, inModule(`./${path.split("/").at(-1)}`))];
}

/** The doc comments of a source, each as its lines without the stars. */
export function docComments(text: string): DocLine[][] {
  const comments = parseSync("source.ts", text).comments.filter(
    ({ type, value }) => type === "Block" && value.startsWith("*"),
  );
  return comments.map(({ value, start }) => {
    const first = text.slice(0, start).split("\n").length;
    const lines = value.slice(1).split("\n");
    return lines.map((line, index) => ({ number: first + index, text: line.replace(/^\s*\* ?|^ /, "").trimEnd() }));
  });
}

function findFenced(path: string, lines: readonly DocLine[], inModule: (specifier: string) => string): Example[] {
  const found: Example[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^(\s*)(```+)\s*(\S*)/.exec(lines[at]!.text);
    if (fence === null) continue;
    const [, indent = "", ticks = "", language = ""] = fence;
    const end = lines.findIndex((line, index) => index > at && line.text.trim() === ticks);
    if (end === -1) throw new Error(`Cannot read the example at ${path}:${lines[at]!.number}: found no closing fence`);
    const first = lines[at]!.number + 1;
    const body = lines.slice(at + 1, end).map((line) => line.text.replace(indent, ""));
    if (language === "ts") found.push(toModule(path, first, body, inModule));
    at = end;
  }
  return found;
}

function toModule(
  path: string,
  line: number,
  body: readonly string[],
  inModule: (specifier: string) => string,
): Example {
  const source = body
    .join("\n")
    .replaceAll(/(\bfrom |\bimport\()"(\.[^"]*)"/g, (_, before: string, to: string) => `${before}"${inModule(to)}"`)
    .replaceAll(/\bport: \d+/g, "port: 0");
  const prints = body.flatMap((text) => /console\.log\(.*\/\/ (.+)$/.exec(text)?.[1] ?? []);
  return { path, line, count: 1, source: "\n".repeat(line - 1) + source, prints };
}

/** What stands behind `@example` outside a fence, on the line of the tag or on the one after it. */
function findOneLiners(path: string, lines: readonly DocLine[]): DocLine[] {
  return lines.flatMap((line, index) => {
    const tag = /^@example\b\s*(.*)$/.exec(line.text);
    if (tag === null) return [];
    const at = tag[1] === "" ? index + 1 : index;
    const text = tag[1] === "" ? (lines[at]?.text ?? "") : tag[1]!;
    if (text.startsWith("```")) return [];
    const after = lines[at + 1]?.text ?? "";
    if (text === "" || (after !== "" && !after.startsWith("@")))
      throw new Error(
        `Cannot read the example at ${path}:${line.number}: found no single line, wanted one, or a fence`,
      );
    return [{ number: lines[at]!.number, text }];
  });
}

function oneLinersModule(path: string, text: string, oneLiners: readonly DocLine[], specifier: string): Example {
  const used = valueExports(text).filter((name) =>
    oneLiners.some((line) => new RegExp(`\\b${name}\\b`).test(line.text)),
  );
  const lines = [`import assert from "node:assert/strict"; import { ${used.join(", ")} } from "${specifier}";`];
  for (const { number, text: example } of oneLiners) {
    const mark = example.lastIndexOf(" // ");
    const [expression, value] = mark === -1 ? [example] : [example.slice(0, mark), example.slice(mark + 4)];
    lines[number - 1] = value === undefined ? `void (${expression});` : `assert.deepEqual(${expression}, ${value});`;
  }
  return { path, line: oneLiners[0]!.number, count: oneLiners.length, source: lines.join("\n"), prints: [] };
}

function valueExports(text: string): string[] {
  const entries = parseSync("source.ts", text).module.staticExports.flatMap((one) => one.entries);
  return entries.flatMap(({ isType, exportName }) => (isType || exportName.name == null ? [] : [exportName.name]));
}
