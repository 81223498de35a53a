/** The start of the program: what it prints, what it makes, what it refuses and how it says so. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { once } from "node:events";
import {
  Conduit,
  ConduitProcess,
  JWT_SECRET,
  temporaryDirectory,
  type StartOptions,
} from "../../apps/conduit/test/harness.ts";

/** Starts what must be refused, and gives what it said. It must not have listened, and must not show a stack. */
async function refuse(options: StartOptions, directory = temporaryDirectory()): Promise<string> {
  const started = new ConduitProcess(directory, { ...options, env: { JWT_SECRET, ...options.env } });
  const { status, signal } = await started.end();
  assert.equal(signal, null);
  assert.ok(status !== null && status !== 0, `ended with status ${status}`);
  assert.doesNotMatch(started.stdout, /listening/);
  assert.doesNotMatch(started.stderr, /^\s+at .*:\d+:\d+\)?$/m, "shows a stack");
  assert.notEqual(started.stderr.trim(), "");
  return started.stderr;
}

for (const [name, value, wanted] of [
  ["PORT", "abc", /PORT|port/],
  ["PORT", "-1", /PORT|port/],
  ["PORT", "70000", /70000/],
  ["PORT", "1.5", /1\.5/],
  ["PORT", "80 80", /PORT|port/],
  ["LOG_LEVEL", "loud", /loud/],
  ["DATABASE_URL", "nonsense", /DATABASE_URL|database/i],
  ["DATABASE_URL", "ftp://example.com/x", /ftp/],
  ["HOST", "0.0.0.0", /0\.0\.0\.0.*dangerously-skip-loopback-restriction/s],
  ["HOST", "::", /dangerously-skip-loopback-restriction/s],
] as const) {
  test(`refuses ${name}=${value} and says what was found`, async () => {
    assert.match(await refuse({ env: { [name]: value } }), wanted);
  });
}

for (const secret of ["short", "secret", "changeme", "x".repeat(31), "conduit"]) {
  test(`refuses the signing key ${JSON.stringify(secret)} without repeating it`, async () => {
    const said = await refuse({ env: { JWT_SECRET: secret } });
    assert.match(said, /JWT_SECRET/);
    if (secret !== "secret" && secret !== "conduit") assert.ok(!said.includes(secret), said);
  });
}

test("refuses a flag that it does not know", async () => {
  assert.match(await refuse({ arguments: ["--no-such-flag"] }), /no-such-flag/);
});

test("refuses a port that is in use and names it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  try {
    assert.match(await refuse({ env: { PORT: port } }), new RegExp(port));
  } finally {
    server.close();
  }
});

test("refuses a file that is no database", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "conduit.db"), "this is a text file and no database ".repeat(100));
  await refuse({}, directory);
});

test("says all its options with --help and ends with status 0", async () => {
  const started = new ConduitProcess(temporaryDirectory(), { arguments: ["--help"] });
  assert.deepEqual(await started.end(), { status: 0, signal: null });
  for (const name of ["HOST", "PORT", "DATABASE_URL", "JWT_SECRET", "LOG_LEVEL", "--dangerously-skip-loopback"]) {
    assert.ok(started.stdout.includes(name), `${name} in ${started.stdout}`);
  }
});

test("prints three lines: the address, where the data is, the limits in force", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  await conduit.request("GET", "/api/tags");
  await conduit.stop();
  const lines = conduit.process.stdout.trimEnd().split("\n");
  assert.equal(lines.length, 3, conduit.process.stdout);
  assert.match(lines[0] ?? "", /^conduit: listening on http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(lines[1], `conduit: data in ${conduit.databasePath}`);
  assert.match(lines[2] ?? "", /^conduit: limits .*=\d/);
});

test("makes a signing key beside the database that only its owner can read, and keeps it", async () => {
  const conduit = await Conduit.start();
  const { token } = await conduit.register();
  await conduit.stop();
  const keyFile = join(conduit.directory, "conduit.db.key");
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  await conduit.restart();
  assert.equal((await conduit.request("GET", "/api/user", { token })).status, 200);
  await conduit.stop();
});

test("refuses a key file that others can read, and names it", async () => {
  const conduit = await Conduit.start();
  await conduit.stop();
  const keyFile = join(conduit.directory, "conduit.db.key");
  chmodSync(keyFile, 0o644);
  const said = await refuse({ env: { JWT_SECRET: undefined } }, conduit.directory);
  assert.ok(said.includes(keyFile), said);
  assert.match(said, /chmod|600/);
});

test("refuses a key file that is too short or empty", async () => {
  const directory = temporaryDirectory();
  const keyFile = join(directory, "conduit.db.key");
  writeFileSync(keyFile, "", { mode: 0o600 });
  assert.ok((await refuse({ env: { JWT_SECRET: undefined } }, directory)).includes(keyFile));
});

test("leaves nothing that others can read beside the database", async () => {
  const conduit = await Conduit.start();
  await conduit.register();
  for (const name of readdirSync(conduit.directory)) {
    const { mode } = statSync(join(conduit.directory, name));
    assert.equal(mode & 0o077, 0, `${name} has mode ${(mode & 0o777).toString(8)}`);
  }
  await conduit.stop();
});

test("two processes that start at once on a new database agree on its tables and its key", async () => {
  const directory = temporaryDirectory();
  const [one, two] = await Promise.all([Conduit.start({ directory }), Conduit.start({ directory })]);
  const user = await one.register({ username: "shared" });
  assert.equal((await two.request("GET", "/api/user", { token: user.token })).status, 200);
  assert.equal((await two.request("GET", "/api/profiles/shared")).status, 200);
  const article = await two.publish(user);
  assert.equal((await one.request("GET", `/api/articles/${article.slug}`)).status, 200);
  await Promise.all([one.stop(), two.stop()]);
});

test("starts in well under a second the second time", async () => {
  const conduit = await Conduit.start();
  await conduit.stop();
  const times: number[] = [];
  for (let time = 0; time < 3; time += 1) {
    const start = performance.now();
    await conduit.restart();
    times.push(performance.now() - start);
    await conduit.stop();
  }
  assert.ok(Math.min(...times) < 1_000, `took ${times.join(", ")} ms`);
});

test("makes the directory of the database", async () => {
  const directory = temporaryDirectory();
  const path = join(directory, "new", "data", "conduit.db");
  const conduit = await Conduit.start({ directory, env: { JWT_SECRET, DATABASE_URL: `sqlite:${path}` } });
  await conduit.stop();
  assert.ok(existsSync(path));
});

test("finds a database whose path is relative in the directory it was started in", async () => {
  const directory = temporaryDirectory();
  const conduit = await Conduit.start({ directory, env: { JWT_SECRET, DATABASE_URL: "sqlite:data/conduit.db" } });
  await conduit.stop();
  assert.ok(existsSync(join(directory, "data", "conduit.db")));
});
