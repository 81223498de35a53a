/**
 * Every example, in README.md, docs/, examples/ and the doc comments of the runtime, type-checks and runs to its end with
 * status 0, in the release build and in the trace build. What counts as an example stands in find-examples.ts.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { suite, test } from "node:test";
import { findExamples, type Example } from "./find-examples.ts";

/** As many as there are today. More are welcome; fewer means that examples were lost, or are not found any more. */
const MIN_EXAMPLES = 55;
/** An example that takes this long hangs; a shared suite takes a few seconds. */
const EXAMPLE_TIMEOUT_MS = 50_000;
const TYPE_CHECK_TIMEOUT_MS = 60_000;
const AT_ONCE = 2;

const root = join(import.meta.dirname, "..", "..");
mkdirSync(join(root, ".tmp"), { recursive: true });
/** Below the project, so that `lunet` is found from there. */
const folder = mkdtempSync(join(root, ".tmp", "examples-"));
// Also when a document cannot be read, and no test ever starts.
process.once("exit", () => rmSync(folder, { recursive: true }));

const modules = documents().flatMap((path) => {
  const examples = findExamples(path, readFileSync(join(root, path), "utf8"), { folder, root });
  return examples.map((example) => {
    const file = join(folder, `${path.replaceAll("/", "__")}-${example.line}.ts`);
    writeFileSync(file, example.source);
    return { ...example, file, title: `${path}:${example.line}` };
  });
});

test("no example was lost", () => {
  const found = modules.reduce((sum, { count }) => sum + count, 0);
  assert.ok(found >= MIN_EXAMPLES, `found ${found} examples, wanted ${MIN_EXAMPLES} or more`);
});

test("every example type-checks", async () => {
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    files: modules.map(({ file }) => relative(folder, file)),
    include: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { output } = await runNode([compiler, "-p", folder, "--pretty", "false"], root, TYPE_CHECK_TIMEOUT_MS);
  // The sources that the examples import have a type check of their own.
  const problems = output
    .split("\n")
    .filter((line) => line.startsWith(relative(root, folder)) || line.startsWith("error"));
  assert.deepEqual(problems.map(withPlaceInDocument), []);
});

for (const build of ["release", "trace"] as const) {
  suite(`in the ${build} build`, { concurrency: AT_ONCE }, () => {
    for (const example of modules) {
      test(`${example.title} runs to its end`, async () => {
        const cwd = mkdtempSync(join(folder, "run-"));
        const preload = join(import.meta.dirname, "terminate.ts");
        const { output, status } = await runNode(
          [...conditionsOf(build), "--import", preload, example.file],
          cwd,
          EXAMPLE_TIMEOUT_MS,
        );
        assert.equal(status, 0, `${example.title} ended with ${status}: ${output}`);
        assertPrinted(output, example);
      });
    }
  });
}

test("the server of the README is examples/hello.ts", () => {
  const [server] = /(?<=```ts\n)[^]*?(?=```)/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  assert.equal(server, readFileSync(join(root, "examples", "hello.ts"), "utf8"));
  assert.equal(server?.trimEnd().split("\n").length, 10);
});

for (const build of ["release", "trace"] as const) {
  test(`the server of the README answers, and ends with status 0 at SIGTERM, in the ${build} build`, async () => {
    const example = modules.find(({ path }) => path === "README.md");
    assert.ok(example !== undefined);
    const child = startNode([...conditionsOf(build), example.file], folder);
    const timer = setTimeout(() => child.kill("SIGKILL"), EXAMPLE_TIMEOUT_MS);
    try {
      const ended = once(child, "exit");
      const [url] = (await once(createInterface(child.stdout), "line")) as [string];
      const reply = await fetch(`${url}/hello/world`);
      assert.deepEqual(await reply.json(), { hello: "world" });
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null]);
    } finally {
      clearTimeout(timer);
      child.kill("SIGKILL");
    }
  });
}

function documents(): string[] {
  return globSync(["README.md", "docs/*.md", "examples/*.ts", "packages/lunet/src/**/*.ts"], { cwd: root })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => !path.endsWith(".test.ts"))
    .toSorted();
}

function conditionsOf(build: "release" | "trace"): string[] {
  return build === "trace" ? ["--conditions=lunet-trace"] : [];
}

function startNode(args: readonly string[], cwd: string): ChildProcessByStdio<null, Readable, Readable> {
  const env = { ...process.env };
  // An example that has tests in it reports to its own standard output, not to this runner.
  delete env["NODE_TEST_CONTEXT"];
  return spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
}

async function runNode(
  args: readonly string[],
  cwd: string,
  timeoutMs: number,
): Promise<{ output: string; status: number | string }> {
  const child = startNode(args, cwd);
  let late = "";
  const timer = setTimeout(() => {
    late = `still running after ${timeoutMs} ms\n`;
    child.kill("SIGKILL");
  }, timeoutMs);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  clearTimeout(timer);
  return { output: late + stdout + stderr, status: code ?? signal ?? "unknown" };
}

/** `.tmp/examples-x/docs__http.md-12.ts(14,3): error …` with the file that the example stands in. */
function withPlaceInDocument(problem: string): string {
  const found = modules.find(({ file }) => problem.startsWith(`${relative(root, file)}(`));
  return found === undefined ? problem : problem.replace(relative(root, found.file), found.path);
}

function assertPrinted(output: string, { prints, path, line }: Example): void {
  const printed = output.split("\n");
  let from = 0;
  for (const wanted of prints) {
    const at = printed.indexOf(wanted, from);
    assert.notEqual(at, -1, `${path}:${line} did not print "${wanted}": ${output}`);
    from = at + 1;
  }
}
