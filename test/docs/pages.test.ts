/** What the pages of the documentation point at is there: links, headings, files that are named, folders that are listed. */
import assert from "node:assert/strict";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

/** Folders that are not the project's own: installed, built, or a user's. */
const NOT_OURS = ["node_modules", "dist", "data"];
const SOURCES = "packages/lunet/src";

const root = join(import.meta.dirname, "..", "..");
const pages = globSync(["*.md", "docs/*.md"], { cwd: root }).toSorted();

for (const page of pages) {
  const text = readFileSync(join(root, page), "utf8");

  test(`every link of ${page} leads to a file, and to a heading of it`, () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to!).filter((to) => !/^[a-z]+:/.test(to));
    assert.deepEqual(
      links.filter((to) => !leadsSomewhere(page, to)),
      [],
    );
  });

  test(`every source file that ${page} names is there`, () => {
    const named = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|sh|sql))`/g)].map(([, path]) => path!);
    const places = ["", SOURCES, "apps/conduit", "apps/conduit/src"];
    assert.deepEqual(
      named.filter((path) => !places.some((place) => existsSync(join(root, place, path)))),
      [],
    );
  });
}

test("the folders that docs/architecture.md lists are those on disk", () => {
  const [block] =
    /(?<=```\n)packages[^]*?(?=```)/.exec(readFileSync(join(root, "docs", "architecture.md"), "utf8")) ?? [];
  assert.ok(block !== undefined, "found no list of folders");
  const listed: string[] = [];
  for (const line of block.trimEnd().split("\n")) {
    const parent = line.startsWith(" ") ? `${SOURCES}/` : "";
    const [names = ""] = /^\s*(?:\S+\/(?:\s+|$))+/.exec(line) ?? [];
    const folders = names
      .trim()
      .split(/\s+/)
      .map((name) => parent + name.slice(0, -1));
    const inner = [...line.slice(names.length).matchAll(/(?<=^|\s)([\w-]+)\/(?=\s|$)/g)].map(([, name]) => name!);
    listed.push(...folders, ...inner.map((name) => `${folders[0]}/${name}`));
  }
  const runtime = foldersIn(SOURCES).flatMap((folder) => [folder, ...foldersIn(folder)]);
  const others = foldersIn("").flatMap((folder) => {
    if (folder === "packages") return foldersIn(folder).map((name) => `${name}/src`);
    return folder === "apps" ? foldersIn(folder) : [folder];
  });
  assert.deepEqual(listed.toSorted(), [...others, ...runtime].toSorted());
});

function leadsSomewhere(page: string, to: string): boolean {
  const [path = "", heading] = to.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** The headings of a page as the last part of a link: lower case, no punctuation, a hyphen for each space. */
function headingsOf(page: string): string[] {
  const headings = readFileSync(join(root, page), "utf8").match(/(?<=^#+ ).*$/gm) ?? [];
  return headings.map((text) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The folders in a folder that hold a file somewhere below, by their paths from the root. */
function foldersIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && !NOT_OURS.includes(entry.name))
    .map((entry) => (folder === "" ? entry.name : `${folder}/${entry.name}`))
    .filter((path) =>
      readdirSync(join(root, path), { recursive: true, withFileTypes: true }).some((one) => one.isFile()),
    );
}
