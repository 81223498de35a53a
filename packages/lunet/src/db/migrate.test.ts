import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { coroutineTest } from "../testing/mod.ts";
import { DatabaseError, migrate, open, type Database, type Migration } from "./mod.ts";

const folder = mkdtempSync(join(tmpdir(), "lunet-migrate-"));
after(() => rmSync(folder, { recursive: true }));

const users: Migration = {
  name: "0001-users.sql",
  sql: "-- who there is\ncreate table user (id integer primary key);\n\ninsert into user values (1); -- the first;\n",
};
const posts: Migration = { name: "0002-posts.sql", sql: "create table post (user_id integer references user (id))" };
const broken: Migration = {
  name: "0003-broken.sql",
  sql: "insert into user values (2); insert into post values (99); select 1",
};

function migrateTest(rule: string, body: (database: Database) => Promise<void>): void {
  coroutineTest(rule, async () => {
    await using database = await open("sqlite::memory:");
    await body(database);
  });
}

async function fails(code: string, call: Promise<unknown>): Promise<DatabaseError> {
  let found: unknown;
  await assert.rejects(call, (error: unknown) => {
    found = error;
    return error instanceof DatabaseError && error.code === code;
  });
  return found as DatabaseError;
}

const tables = async (database: Database): Promise<unknown[]> =>
  (await database.queryRows("select name from sqlite_schema where type = 'table' order by name")).map(([name]) => name);

migrateTest("migrations are applied once, in the order of their numbers", async (database) => {
  assert.deepEqual(await migrate(database, [posts, users]), ["0001-users.sql", "0002-posts.sql"]);
  assert.deepEqual(await migrate(database, [users, posts]), []);
  const third = { name: "0003-more.sql", sql: "insert into user values (2)" };
  assert.deepEqual(await migrate(database, [users, posts, third]), ["0003-more.sql"]);
  assert.deepEqual(await database.queryRows("select id from user"), [[1], [2]]);
});

migrateTest("a record says what was applied and when", async (database) => {
  await migrate(database, [users]);
  const record = await database.queryOne<Record<string, string>>("select * from lunet_migration");
  assert.equal(record?.["name"], "0001-users.sql");
  assert.match(record?.["sha256"] ?? "", /^[0-9a-f]{64}$/);
  assert.match(record?.["applied_at"] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

migrateTest("one that fails leaves nothing, what came before it stays, and it can be tried again", async (database) => {
  const error = await fails("ERR_DB_MIGRATION_FAILED", migrate(database, [users, posts, broken]));
  assert.match(error.message, /0003-broken\.sql/);
  assert.match(error.message, /insert into post values \(99\)/);
  assert.equal((error.cause as DatabaseError).code, "ERR_DB_FOREIGN_KEY");
  assert.deepEqual(await tables(database), ["lunet_migration", "post", "user"]);
  assert.deepEqual(await database.queryRows("select id from user"), [[1]]);
  const mended = { ...broken, sql: "insert into user values (2)" };
  assert.deepEqual(await migrate(database, [users, posts, mended]), ["0003-broken.sql"]);
});

migrateTest("one that was changed or renamed after it was applied is refused, and nothing runs", async (database) => {
  await migrate(database, [users]);
  const changed = { ...users, sql: `${users.sql} ` };
  await fails("ERR_DB_MIGRATION_CHANGED", migrate(database, [changed, posts]));
  await fails("ERR_DB_MIGRATION_CHANGED", migrate(database, [{ ...users, name: "0001-people.sql" }, posts]));
  assert.deepEqual(await tables(database), ["lunet_migration", "user"]);
});

migrateTest("one that was applied and is gone is refused", async (database) => {
  await migrate(database, [users, posts]);
  await fails("ERR_DB_MIGRATION_MISSING", migrate(database, [users]));
  await fails("ERR_DB_MIGRATION_MISSING", migrate(database, []));
});

migrateTest("names and numbers are checked before anything runs", async (database) => {
  for (const name of ["users.sql", "1-users.sql", "0001_users.sql", "0001-Users.sql", "0001-.sql", "0001-a.sql.bak"]) {
    await fails("ERR_DB_MIGRATION_NAME", migrate(database, [{ ...users, name }]));
  }
  await fails("ERR_DB_MIGRATION_SEQUENCE", migrate(database, [posts]));
  await fails("ERR_DB_MIGRATION_SEQUENCE", migrate(database, [users, broken]));
  await fails("ERR_DB_MIGRATION_SEQUENCE", migrate(database, [users, { ...posts, name: "0001-posts.sql" }]));
  await fails("ERR_DB_MIGRATION_SEQUENCE", migrate(database, [{ ...users, name: "0000-users.sql" }]));
  assert.deepEqual(await tables(database), []);
});

migrateTest("one cannot end its own transaction", async (database) => {
  const sneaky = { name: "0001-sneaky.sql", sql: "create table a (b); commit; create table c (d)" };
  const error = await fails("ERR_DB_MIGRATION_FAILED", migrate(database, [sneaky]));
  assert.equal((error.cause as DatabaseError).code, "ERR_DB_TRANSACTION_STATEMENT");
  assert.deepEqual(await tables(database), ["lunet_migration"]);
});

migrateTest("they are read from a folder, where other files are left alone", async (database) => {
  const directory = join(folder, "some");
  mkdirSync(directory);
  for (const { name, sql } of [posts, users]) writeFileSync(join(directory, name), sql);
  writeFileSync(join(directory, "README.md"), "about them");
  assert.deepEqual(await migrate(database, directory), [users.name, posts.name]);
  assert.deepEqual(await migrate(database, [users, posts]), []);
  await assert.rejects(migrate(database, join(folder, "missing")), { code: "ERR_FILE_NOT_FOUND" });
});

migrateTest("one that another process applies meanwhile is not applied again", async (database) => {
  let raced = false;
  const racing = {
    dialect: database.dialect,
    queryRows: (sql: string) => database.queryRows(sql),
    query: (sql: string) => database.query(sql),
    exec: (sql: string) => database.exec(sql),
    async transaction(body: Parameters<Database["transaction"]>[0]) {
      if (!raced) assert.deepEqual(await migrate(database, [users]), [users.name]);
      raced = true;
      return database.transaction(body);
    },
  } as unknown as Database;
  assert.deepEqual(await migrate(racing, [users, posts]), [posts.name]);
  assert.deepEqual(await database.queryRows("select id from user"), [[1]]);
});
