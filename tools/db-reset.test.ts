/** Emptying the database: what is moved or dumped, and that nothing is touched when it cannot be had back. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runRoot, until } from "lunet";
import { migrate, open } from "lunet/db";
import { REAL_DATABASES, realDatabase } from "../packages/lunet/src/testing/real-databases.ts";

const TOOL = join(import.meta.dirname, "db-reset.ts");
const LIMIT_MS = 30_000;

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "lunet-db-reset-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function reset(root: string, databaseUrl: string, environment: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, "--root", root], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], DATABASE_URL: databaseUrl, ...environment },
    timeout: LIMIT_MS,
  });
  return { status, stdout, stderr };
}

/** The files in the one stamped folder of `.tmp/`, by name. */
function kept(root: string): Map<string, string> {
  const parent = join(root, ".tmp");
  const folders = existsSync(parent) ? readdirSync(parent) : [];
  assert.ok(folders.length <= 1, folders.join());
  return new Map(
    folders.flatMap((stamp) => readdirSync(join(parent, stamp)).map((name) => [name, join(parent, stamp, name)])),
  );
}

function makeFile(root: string): string {
  const path = join(root, "c.db");
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; create table note (text text); insert into note values ('kept')");
  database.close();
  writeFileSync(`${path}.key`, "k");
  return path;
}

test("a file is moved with its signing key, and is whole where it went", (t) => {
  const root = temporaryFolder(t);
  const path = makeFile(root);
  const { status, stdout, stderr } = reset(root, "sqlite:c.db");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^moved .*c\.db to .*\nmoved .*c\.db\.key to .*\nto get it back/);
  assert.ok(!existsSync(path) && !existsSync(`${path}.key`));
  assert.deepEqual([...kept(root).keys()].toSorted(), ["c.db", "c.db.key"]);
  const database = new DatabaseSync(kept(root).get("c.db") ?? "", { readOnly: true });
  assert.equal(database.prepare("select text from note").get()?.["text"], "kept");
  database.close();
  assert.match(reset(root, "sqlite:c.db").stdout, /nothing to do/);
});

test("a file that somebody has open is left where it is", (t) => {
  const root = temporaryFolder(t);
  const path = makeFile(root);
  const user = new DatabaseSync(path);
  user.prepare("select * from note").all();
  const { status, stderr } = reset(root, "sqlite:c.db");
  user.close();
  assert.equal(status, 1);
  assert.match(stderr, /^db-reset: Cannot reset .*c\.db: found it in use/);
  assert.ok(existsSync(path) && existsSync(`${path}.key`));
  assert.equal(kept(root).size, 0);
});

test("an address that is none is told without its password", (t) => {
  const { status, stderr } = reset(temporaryFolder(t), "postgres://u:sesame@h/");
  assert.equal(status, 1);
  assert.match(stderr, /^db-reset: Cannot open a database: found no database/);
  assert.ok(!stderr.includes("sesame"));
});

/** A program for dumps that waits until the test lets it go on, and then leaves what counts as a whole dump. */
const WAITING_DUMP = `#!/bin/sh
touch "$HOME/begun"
while [ ! -e "$HOME/go" ]; do sleep 0.02; done
for argument; do case "$argument" in --file=*|--result-file=*) echo '-- dump complete' > "\${argument#*=}";; esac; done
`;

/** The rights that docs/database-servers.md gives. */
const OWNER_RIGHTS = "select, insert, update, delete, create, alter, drop, index, references";

test("several hosts of MariaDB are refused, because the dump could be of another one", (t) => {
  const { status, stderr } = reset(temporaryFolder(t), "mariadb://u:sesame@127.0.0.1:1,127.0.0.1:2/c");
  assert.equal(status, 1);
  assert.match(stderr, /^db-reset: Cannot reset mariadb:.*found several hosts/);
  assert.ok(!stderr.includes("sesame"));
});

for (const kind of REAL_DATABASES) {
  const server = realDatabase(kind);
  const step = {
    name: "0001-note.sql",
    sql: `create table author (id bigint primary key);
      create table note (author_id bigint, text varchar(40), foreign key (author_id) references author (id));
      insert into author values (1);
      insert into note values (1, 'kept 日本 😀')`,
  };
  const fill = (): Promise<void> =>
    runRoot(async () => {
      await using database = await open(server.url);
      await migrate(database, [step]);
    });
  const tables = async (): Promise<number> => {
    const schema = kind === "postgres" ? "'public'" : "database()";
    return (await server.administer(`select 1 from information_schema.tables where table_schema = ${schema}`)).length;
  };

  test(`${kind}: the tables are dropped after a dump that only its owner can read, and which has everything`, async (t) => {
    await server.empty();
    await fill();
    const root = temporaryFolder(t);
    const { status, stdout, stderr } = reset(root, server.url);
    assert.equal(status, 0, stderr);
    assert.equal(await tables(), 0);
    const file = kept(root).get(`${kind}.sql`) ?? "";
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(readFileSync(file, "utf8").includes("kept 日本 😀"));
    assert.match(stdout, kind === "postgres" ? /run: psql .* -f .*postgres\.sql/ : /run: mariadb .* < .*mariadb\.sql/);
    const { password } = new URL(server.url);
    assert.ok(password === "" || !`${stdout}${stderr}`.includes(`:${password}@`));
    assert.match(reset(root, server.url).stdout, /no tables: nothing to do/);
  });

  test(`${kind}: nothing is touched while somebody is connected`, async (t) => {
    await server.empty();
    await fill();
    const before = await tables();
    const root = temporaryFolder(t);
    await runRoot(async () => {
      await using database = await open(server.url, { network: { shared: 0 } });
      await database.queryRows("select * from note");
      const { status, stderr } = reset(root, server.url);
      assert.equal(status, 1);
      assert.match(stderr, /found 1 other connections/);
    });
    assert.equal(await tables(), before);
    assert.equal(kept(root).size, 0);
  });

  /** Makes an account with such rights in the database, until the test's end, and gives its address. */
  const account = async (t: TestContext, rights: string): Promise<string> => {
    const name = `lunet_u_${randomBytes(6).toString("hex")}`;
    const isPostgres = kind === "postgres";
    const user = isPostgres ? name : `'${name}'@'127.0.0.1'`;
    await server.administer(
      isPostgres ? `create role ${name} login password 'sesame'` : `create user ${user} identified by 'sesame'`,
    );
    t.after(async () => {
      if (isPostgres) await server.administer(`drop owned by ${name}`);
      await server.administer(isPostgres ? `drop role ${name}` : `drop user ${user}`);
    });
    await server.administer(
      isPostgres ? `grant ${rights} on schema public to ${name}` : `grant ${rights} on ${server.name}.* to ${user}`,
    );
    const url = new URL(server.url);
    url.username = name;
    url.password = "sesame";
    return url.href;
  };

  test(`${kind}: what was printed reads the dump back, with the rights that the documentation gives`, async (t) => {
    await server.empty();
    // PostgreSQL's account of the documentation owns the database.
    const url = kind === "postgres" ? server.url : await account(t, OWNER_RIGHTS);
    const { username, password } = new URL(url);
    // Other files have connections to the server, which this account is to see for what they are.
    if (kind === "mariadb") await server.administer(`grant process on *.* to '${username}'@'127.0.0.1'`);
    await runRoot(async () => {
      await using database = await open(url);
      await migrate(database, [step]);
    });
    const { status, stdout, stderr } = reset(temporaryFolder(t), url);
    assert.equal(status, 0, stderr);
    assert.equal(await tables(), 0);
    const command = /run: (.*)$/m.exec(stdout)?.[1]?.replace(/ -p (?=lunet_t_)/, " ") ?? "";
    const restored = spawnSync("sh", ["-c", command], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], PGPASSWORD: password, MYSQL_PWD: password },
      timeout: LIMIT_MS,
    });
    assert.equal(restored.status, 0, `${command}\n${restored.stderr}`);
    assert.deepEqual(
      (await server.administer("select text from note")).map((row) => row["text"]),
      ["kept 日本 😀"],
    );
  });

  test(`${kind}: nothing is touched while another account is connected, which this one sees little of`, async (t) => {
    await server.empty();
    const url = await account(t, kind === "postgres" ? "create, usage" : OWNER_RIGHTS);
    await runRoot(async () => {
      await using database = await open(url);
      await migrate(database, [step]);
    });
    const before = await tables();
    const root = temporaryFolder(t);
    await runRoot(async () => {
      await using database = await open(server.url, { network: { shared: 0 } });
      await database.queryRows("select 1");
      const { status, stderr } = reset(root, url);
      assert.equal(status, 1);
      assert.match(
        stderr,
        kind === "postgres" ? /found 1 other connections/ : /found \d+ connections of other accounts/,
      );
    });
    assert.equal(await tables(), before);
    assert.equal(kept(root).size, 0);
  });

  test(`${kind}: nothing is dropped when somebody has come since the dump began`, async (t) => {
    await server.empty();
    await fill();
    const before = await tables();
    const root = temporaryFolder(t);
    const programs = join(root, "bin");
    mkdirSync(programs);
    for (const name of ["pg_dump", "mariadb-dump"]) {
      writeFileSync(join(programs, name), WAITING_DUMP, { mode: 0o755 });
    }
    const environment = { PATH: `${programs}:${process.env["PATH"]}`, HOME: root, DATABASE_URL: server.url };
    const tool = spawn(process.execPath, [TOOL, "--root", root], { env: environment, timeout: LIMIT_MS });
    let stderr = "";
    tool.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = once(tool, "close");
    while (!existsSync(join(root, "begun")) && tool.exitCode === null) await sleep(10);
    await runRoot(async () => {
      await using database = await open(server.url, { network: { shared: 0 } });
      await database.exec("insert into note values (1, 'late')");
      writeFileSync(join(root, "go"), "");
      await until(ended);
    });
    assert.match(stderr, /found 1 other connections/);
    assert.equal(await tables(), before);
  });

  for (const [what, script] of [
    ["fails", "#!/bin/sh\necho no >&2\nexit 1\n"],
    ["leaves half a file", "#!/bin/sh\nexit 0\n"],
  ] as const) {
    test(`${kind}: nothing is dropped when the dump ${what}`, async (t) => {
      await server.empty();
      await fill();
      const before = await tables();
      const root = temporaryFolder(t);
      const programs = join(root, "bin");
      mkdirSync(programs);
      for (const name of ["pg_dump", "mariadb-dump"]) {
        writeFileSync(join(programs, name), script);
        chmodSync(join(programs, name), 0o755);
      }
      const { status, stderr } = reset(root, server.url, { PATH: `${programs}:${process.env["PATH"]}` });
      assert.equal(status, 1);
      assert.match(stderr, /^db-reset: Cannot reset .*: found no whole dump: /);
      assert.equal(await tables(), before);
    });
  }
}
