/** The packages that the project stands on: each is explained, its version is exact, and the lock names no host. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

interface Manifest {
  readonly name: string;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { readonly resolved?: string; readonly integrity?: string; readonly link?: boolean; readonly optional?: boolean }
    >
  >;
}

const root = join(import.meta.dirname, "..", "..");
const top = readJson("package.json") as Manifest;
/** It is no workspace, because nobody but `make bench` wants what it holds. */
const BUN = "bench/bun";
const workspaces = [...(top.workspaces ?? []), BUN].map((folder) => readJson(`${folder}/package.json`) as Manifest);
const own = new Set(workspaces.map(({ name }) => name));
const dependencies = [top, ...workspaces].flatMap((manifest) =>
  Object.entries({
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
    ...manifest.dependencies,
  }),
);

test("docs/dependencies.md has a line for every dependency, and for nothing else", () => {
  const page = readFileSync(join(root, "docs", "dependencies.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name!);
  const used = new Set(dependencies.map(([name]) => name).filter((name) => !own.has(name)));
  assert.deepEqual(listed.toSorted(), [...used].toSorted());
});

test("every dependency names one version", () => {
  assert.deepEqual(
    dependencies.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
    [],
  );
});

for (const folder of ["", `${BUN}/`])
  test(`${folder}package-lock.json names no host, and states the integrity of what cannot be done without`, () => {
    const { packages } = readJson(`${folder}package-lock.json`) as Lock;
    const entries = Object.entries(packages).filter(([path]) => path !== "");
    assert.ok(entries.length > (folder === "" ? dependencies.length / 2 : 0));
    assert.deepEqual(
      entries.filter(([, { resolved }]) => resolved?.includes(":")),
      [],
    );
    const foreign = entries.filter(
      ([path, { link, optional }]) => path.includes("node_modules/") && link !== true && optional !== true,
    );
    assert.deepEqual(
      foreign.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path),
      [],
    );
  });

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}
