import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite, test } from "node:test";
import { createConnection } from "mariadb";
import pg from "pg";
import { REAL_DATABASES, realDatabase } from "./real-databases.ts";

const file = fileURLToPath(new URL("real-databases.ts", import.meta.url));

for (const kind of REAL_DATABASES) {
  const database = realDatabase(kind);
  suite(`a real database of ${kind}`, () => {
    test("is there before the first test, empty, and the file's own", async () => {
      const other = realDatabase(kind);
      assert.notEqual(other.name, database.name);
      assert.equal(await countTables(database), 0);
      assert.equal(new URL(database.url).pathname, `/${database.name}`);
    });

    test("is as new after empty()", async () => {
      await database.administer("create table a (b int)");
      await database.administer("insert into a values (1)");
      assert.equal(await countTables(database), 1);
      await database.empty();
      assert.equal(await countTables(database), 0);
    });

    test("rejects with the server's own words", async () => {
      await assert.rejects(database.administer("select * from nowhere"), /nowhere/);
    });

    test("can end a connection of lunet's, as another one", async () => {
      const victim = await connect(kind, database.url);
      await database.administer(
        kind === "postgres" ? `select pg_terminate_backend(${victim.id})` : `kill ${victim.id}`,
      );
      await victim.ended;
    });
  });
}

test("whatever is still connected when the last test has ended goes with the database", () => {
  // In a file of its own, because it is about what comes after the last test.
  const source = `import { test } from "node:test";
    import { createConnection } from "mariadb"; import pg from "pg";
    import { realDatabase } from ${JSON.stringify(file)};
    const postgres = realDatabase("postgres"), mariadb = realDatabase("mariadb");
    test("leaves transactions open", async () => {
      const client = new pg.Client({ connectionString: postgres.url });
      client.on("error", () => {});
      await client.connect();
      await client.query("create table a (b int)");
      await client.query("begin");
      await client.query("select * from a");
      const connection = await createConnection(mariadb.url);
      connection.on("error", () => {});
      await connection.query("create table a (b int)");
      await connection.query("begin");
      await connection.query("select * from a");
    });`;
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const args = ["--input-type=module", "--test-reporter=tap", "--eval", source];
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd,
    env: environment,
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(status, 0, stdout);
});

test("without the run's servers the error says how to run the file", () => {
  const variable = process.env["LUNET_TEST_POSTGRES_URL"];
  delete process.env["LUNET_TEST_POSTGRES_URL"];
  try {
    assert.throws(() => realDatabase("postgres"), /found no LUNET_TEST_POSTGRES_URL; run the file with `make test T=/);
  } finally {
    process.env["LUNET_TEST_POSTGRES_URL"] = variable;
  }
});

async function countTables(database: ReturnType<typeof realDatabase>): Promise<number> {
  const schema = database.kind === "postgres" ? "public" : database.name;
  const rows = await database.administer(
    `select count(*) as count from information_schema.tables where table_schema = '${schema}'`,
  );
  return Number(rows[0]!["count"]);
}

/** A connection of somebody else's: its number at the server, and its end. */
async function connect(kind: "postgres" | "mariadb", url: string): Promise<{ id: number; ended: Promise<void> }> {
  const ended = Promise.withResolvers<void>();
  if (kind === "postgres") {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => {}).once("end", ended.resolve);
    await client.connect();
    const { rows } = await client.query<{ id: number }>("select pg_backend_pid() as id");
    return { id: rows[0]!.id, ended: ended.promise };
  }
  const connection = await createConnection(url);
  connection.on("error", () => {});
  connection.on("end", ended.resolve);
  return { id: connection.threadId!, ended: ended.promise };
}
