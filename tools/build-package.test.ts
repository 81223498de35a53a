/** The package as a user has it: installed in a folder outside of the project, in both builds, with its types. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { eventually, NodeProcess, Session } from "../test/process/traced.ts";
import { buildPackage } from "./build-package.ts";

const RUN_TIMEOUT_MS = 30_000;
const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const sources = join(root, "packages", "lunet");
const user = mkdtempSync(join(tmpdir(), "lunet-build-"));
after(() => rmSync(user, { recursive: true }));

interface PackageManifest {
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const installed = join(user, "node_modules", "lunet");
await buildPackage({ folder: sources, out: installed, parts: ["release", "trace", "types"] });
const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as PackageManifest;
for (const name of [...Object.keys(manifest.dependencies), "@types/node"]) {
  const place = join(user, "node_modules", name);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(join(root, "node_modules", name), place);
}
writeFileSync(join(user, "package.json"), `{ "type": "module" }\n`);

/** Serves what a transaction has written to a file, asks for it, and says which build it ran in. */
const HELLO = `
import { run } from "lunet";
import { open } from "lunet/db";
import { json, Router, serve } from "lunet/http";
import { TRACE } from "lunet/trace";

await run(async () => {
  await using database = await open("sqlite:" + process.argv[2]);
  await database.exec("create table greeting (name text primary key, times integer not null)");
  await database.transaction(async (transaction) => {
    await transaction.exec("insert into greeting values (?, ?)", ["world", 1]);
    await transaction.exec("update greeting set times = times + 1 where name = ?", ["world"]);
  });
  const router = new Router().get("/hello/:name", async (request) =>
    json(await database.queryOne("select name, times from greeting where name = ?", [request.params["name"] ?? ""])),
  );
  await using server = await serve(router, { port: 0 });
  const response = await fetch(server.url + "/hello/world", { signal: AbortSignal.timeout(5_000) });
  console.log(JSON.stringify({ status: response.status, body: await response.json(), trace: TRACE }));
});
`;

test("package.json names every front door for both builds, and every path that it names is there", () => {
  const written = JSON.parse(readFileSync(join(sources, "package.json"), "utf8")) as { exports: object; bin?: object };
  assert.deepEqual(Object.keys(manifest.exports), Object.keys(written.exports));
  assert.deepEqual(Object.keys(manifest.bin ?? {}), Object.keys(written.bin ?? {}));
  for (const conditions of Object.values(manifest.exports))
    assert.deepEqual(Object.keys(conditions), ["types", "lunet-trace", "default"]);
  const paths = [
    ...Object.values(manifest.exports).flatMap((one) => Object.values(one)),
    ...Object.values(manifest.bin ?? {}),
  ];
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(installed, path))),
    [],
  );
  for (const path of Object.values(manifest.bin ?? {})) {
    accessSync(join(installed, path), constants.X_OK);
    assert.match(readFileSync(join(installed, path), "utf8"), /^#!\/usr\/bin\/env node\n/);
  }
});

test("what a module loads by its place stands there, in both builds", () => {
  const loads: string[] = [];
  for (const file of globSync("{release,trace}/**/*.js", { cwd: installed })) {
    const text = readFileSync(join(installed, file), "utf8");
    for (const [, expression = ""] of text.matchAll(/\bnew URL\(([^;]*), import\.meta\.url\)/g)) {
      const names = [...expression.matchAll(/"(\.\/[\w-]+\.[jt]s)"/g)].map(([, name]) => join(dirname(file), name!));
      if (names.length === 0) continue;
      assert.ok(
        names.some((name) => existsSync(join(installed, name))),
        `found none of ${names.join(", ")}`,
      );
      loads.push(file);
    }
  }
  assert.ok(loads.length >= 2, "found no thread, wanted the one of SQLite in both");
});

for (const trace of [false, true]) {
  test(`a program with a server and a database runs on the ${trace ? "trace" : "release"} build`, async () => {
    const file = join(user, "hello.js");
    writeFileSync(file, HELLO);
    const conditions = trace ? ["--conditions=lunet-trace"] : [];
    const { stdout } = await run(process.execPath, [...conditions, file, join(user, `trace-${trace}.db`)], {
      cwd: user,
      timeout: RUN_TIMEOUT_MS,
    });
    assert.deepEqual(JSON.parse(stdout), { status: 200, body: { name: "world", times: 2 }, trace });
  });
}

test("a program in TypeScript finds the types of every front door, and they are whole", async () => {
  const lines = Object.keys(manifest.exports).map(
    (name, index) => `export * as m${index} from "lunet${name.slice(1)}";`,
  );
  writeFileSync(join(user, "doors.ts"), `${lines.join("\n")}\n`);
  writeFileSync(join(user, "hello.ts"), HELLO);
  const wrong = `import { sleep } from "lunet";\nexport const late: Promise<void> = sleep("soon");\n`;
  writeFileSync(join(user, "wrong.ts"), wrong);
  const compilerOptions = {
    module: "nodenext",
    target: "esnext",
    lib: ["esnext"],
    types: ["node"],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
  };
  writeFileSync(join(user, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { stdout } = await run(process.execPath, [compiler, "-p", user], { cwd: user, timeout: RUN_TIMEOUT_MS }).catch(
    (error: { stdout: string }) => error,
  );
  // One error is there on purpose: without types there would be none.
  assert.match(stdout, /^wrong\.ts\(2,\d+\): error TS2345: .*\n$/);
});

/** Starts the installed command, as its link in `node_modules/.bin/` does. */
function startLunet(args: readonly string[], session: Session): NodeProcess {
  return new NodeProcess([join(installed, manifest.bin?.["lunet"] ?? ""), ...args], session.environment());
}

const SWEEP = `
import { sleep } from "lunet/time";
import { defineSweep } from "lunet/testing";

export default defineSweep({ name: "two naps", setup: () => {}, body: async () => { await sleep(1); await sleep(1); } });
`;

test("the installed `lunet sweep` sweeps in the trace build", async () => {
  using session = new Session();
  const file = join(user, "sweep.js");
  writeFileSync(file, SWEEP);
  await using sweep = startLunet(["sweep", file], session);
  const { status, stdout, stderr } = await sweep.ended();
  assert.deepEqual([status, stdout, stderr], [0, "two naps: ok (2 waits, 3 runs)\n", ""]);
});

test("the installed `lunet sweep` without its trace build says so once, instead of starting again for ever", async () => {
  using session = new Session();
  const lame = join(session.folder, "lame");
  cpSync(join(installed, "release"), join(lame, "release"), { recursive: true });
  cpSync(join(installed, "package.json"), join(lame, "package.json"));
  symlinkSync(join(root, "node_modules"), join(lame, "node_modules"));
  await using sweep = new NodeProcess(
    [join(lame, "release", "cli", "main.js"), "sweep", "sweep.js"],
    session.environment(),
  );
  const { status, stdout, stderr } = await sweep.ended();
  assert.deepEqual([status, stdout], [2, ""]);
  assert.match(
    stderr,
    /^lunet sweep: Cannot run: found the release build under --conditions=lunet-trace, wanted the trace build/,
  );
});

const WATCHED = `
import { run, suspend } from "lunet";
import { TRACE } from "lunet/trace";

await run(async () => {
  console.log("trace " + TRACE);
  const alive = setInterval(() => {}, 1_000);
  await suspend("wait for the end", () => () => clearInterval(alive));
});
`;

test("the installed `lunet trace` runs a program in the trace build, and `lunet ps` lists it and shows its tree", async () => {
  using session = new Session();
  const file = join(user, "watched.js");
  writeFileSync(file, WATCHED);
  await using program = startLunet(["trace", file], session);
  await program.waitText("stdout", /trace true\n/);
  await eventually(() => existsSync(session.socketOf(program.pid)));
  await using list = startLunet(["ps"], session);
  const listed = await list.ended();
  assert.deepEqual([listed.status, listed.stderr], [0, ""]);
  assert.match(listed.stdout, new RegExp(`^${program.pid} +.*watched\\.js$`, "m"));
  await using tree = startLunet(["ps", String(program.pid)], session);
  const shown = await tree.ended();
  assert.deepEqual([shown.status, shown.stderr], [0, ""]);
  assert.match(shown.stdout, /waits .* in wait for the end, at \S*watched\.js:8:\d+/);
});

test("source maps lead to the line of the sources", async () => {
  const program = `import { suspend } from "lunet"; await suspend("wait", () => () => {}).catch((error) => console.log(error.stack));`;
  const { stdout } = await run(process.execPath, ["--enable-source-maps", "--input-type=module", "--eval", program], {
    cwd: user,
    timeout: RUN_TIMEOUT_MS,
  }).catch((error: { stderr: string }) => ({ stdout: error.stderr }));
  const [, file = "", line = ""] = /\/(src\/co\/[\w.-]+\.ts):(\d+):\d+/.exec(stdout) ?? assert.fail(stdout);
  const text = readFileSync(join(sources, file), "utf8").split("\n")[Number(line) - 1] ?? "";
  assert.match(text, /new NotInCoroutineError\(/);
});
