/** What every database must do behind the contract of `lunet/db`: one test for each rule. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import {
  Cancelled,
  LunetError,
  NotInCoroutineError,
  scope,
  sleep,
  spawn,
  suspend,
  withDeadline,
  type Coroutine,
} from "../co/mod.ts";
import { type Database, DatabaseError, type OpenOptions, type Param, type Transaction } from "../db/mod.ts";
import type { FindingClass } from "../trace/mod.ts";
import { coroutineTest } from "./coroutine-test.ts";

/** Opens an empty database that nobody else uses. Whoever calls owns it. */
export type OpenDatabase = (options?: OpenOptions) => Promise<Database>;

/** How databases differ. */
export interface DatabaseSuiteOptions {
  /** The type of a key that the database gives by itself. Default `integer primary key`. */
  readonly keyType?: string;
  /** The type of a column of bytes. Default `blob`. */
  readonly bytesType?: string;
  /** Text may hold U+0000. Default true. */
  readonly hasNulInText?: boolean;
  /** A foreign key's error tells which. Default false. */
  readonly namesForeignKeys?: boolean;
  /** Which key of an `insert` of several rows is told by `lastInsertId`, or that none ever is. Default `"last"`. */
  readonly tellsKey?: "last" | "first" | "none";
  /** A unique constraint's error has the name of the index, not the columns. Default false. */
  readonly namesIndexes?: boolean;
  /** The type of a column that holds a decimal with two places, if there is one. */
  readonly decimalType?: string;
  /** The types of columns that hold a truth value and a point in time. Default `boolean` and `text`. */
  readonly booleanType?: string;
  readonly timeType?: string;
  /** What a truth value of that type is read as. Default 1 and 0. */
  readonly booleans?: readonly [yes: unknown, no: unknown];
  /** What ends a `select` that locks its rows. Default nothing. */
  readonly forUpdate?: string;
}

/** How many coroutines use the database at once where many do. */
const CROWD = 20;

/** Runs a function as a platform's callback runs, with no coroutine around it. */
const outsideCoroutines = AsyncLocalStorage.snapshot();

/** A gate that coroutines wait at until the test opens it. */
class Gate {
  readonly #waiting = new Set<() => void>();
  #isOpen = false;

  wait(): Promise<void> {
    return suspend<void>("gate", (resume) => {
      if (this.#isOpen) resume();
      else this.#waiting.add(resume);
      return () => {
        this.#waiting.delete(resume);
      };
    });
  }

  open(): void {
    this.#isOpen = true;
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }
}

/** Holds the database in a transaction that has written, until the gate is opened. */
async function occupy(database: Database): Promise<{ readonly gate: Gate; readonly holder: Coroutine<void> }> {
  const gate = new Gate();
  const entered = new Gate();
  const holder = spawn(() =>
    database.transaction(async () => {
      entered.open();
      await gate.wait();
    }),
  );
  await entered.wait();
  return { gate, holder };
}

/** What a call came to. */
async function outcomeOf<T>(call: () => Promise<T>): Promise<{ readonly value?: T; readonly error?: unknown }> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}

function codeOf({ error }: { readonly error?: unknown }): unknown {
  return error instanceof LunetError ? error.code : error;
}

async function rejectsWith(code: string, call: () => Promise<unknown>): Promise<DatabaseError> {
  const { error } = await outcomeOf(call);
  assert.ok(error instanceof DatabaseError, `wanted a DatabaseError ${code}, found ${String(error)}`);
  assert.equal(error.code, code);
  return error;
}

/**
 * Adds the tests of the suite, named after `name`. Call it at the top of a test file, which then runs on the release and
 * on the trace build.
 *
 * @example
 * ```ts
 * import { open } from "lunet/db";
 * import { databaseSuite } from "lunet/testing";
 * databaseSuite("memory", (options) => open("sqlite::memory:", options));
 * ```
 */
export function databaseSuite(name: string, openDatabase: OpenDatabase, options: DatabaseSuiteOptions = {}): void {
  const {
    keyType = "integer primary key",
    bytesType = "blob",
    hasNulInText = true,
    namesForeignKeys = false,
    tellsKey = "last",
    namesIndexes = false,
    booleanType = "boolean",
    decimalType,
    timeType = "text",
    booleans = [1, 0],
    forUpdate = "",
  } = options;
  /** A database with one connection, where whoever has it keeps everybody else waiting. */
  const alone: OpenOptions = { network: { max: 1 } };

  function databaseTest(
    rule: string,
    body: (database: Database) => Promise<void>,
    opened: OpenOptions = {},
    provokes: readonly FindingClass[] = [],
  ): void {
    const run = async (): Promise<void> => {
      await using database = await openDatabase(opened);
      await database.exec(`create table person (id ${keyType}, name varchar(100) not null, age bigint)`);
      await database.exec("create unique index person_name on person (name)");
      await body(database);
    };
    coroutineTest(`${name}: ${rule}`, run, { provokes });
  }

  const insert = "insert into person (name, age) values (?, ?)";
  const names = async (database: Database): Promise<unknown[]> =>
    (await database.queryRows("select name from person order by name")).map(([person]) => person);

  databaseTest("values come back as they were bound", async (database) => {
    await database.exec(`create table kept (i bigint, t text, f double precision, b ${bytesType})`);
    const bytes = Uint8Array.from([0, 1, 254, 255]);
    const rows: Param[][] = [
      [0, "", 0.5, new Uint8Array(0)],
      [2 ** 53 - 1, "日本語 🙂 e\u0301", -1e300, bytes],
      [-(2 ** 53 - 1), "'; drop table kept; --", 5e-324, bytes],
      [2n ** 53n, '\\ " ` % _ ?', 1.5, null],
      [-(2n ** 53n) - 1n, "a\r\n\tb", 3.25, null],
      [2n ** 63n - 1n, hasNulInText ? "a\0b" : "ab", 0.1, null],
      [-(2n ** 63n), "\u{10ffff}\ufeff", -0.1, null],
      [null, null, null, null],
    ];
    for (const row of rows) {
      await database.exec("delete from kept");
      await database.exec("insert into kept values (?, ?, ?, ?)", row);
      const [read] = await database.queryRows("select i, t, f, b from kept");
      assert.deepEqual(read, row);
    }
  });

  databaseTest("a small bigint comes back as a number, and a truth value can be compared", async (database) => {
    await database.exec(insert, ["small", 7n]);
    assert.equal((await database.queryOne("select age from person"))?.["age"], 7);
    await database.exec(`create table flag (f ${booleanType})`);
    await database.exec("insert into flag values (?), (?)", [true, false]);
    assert.deepEqual(await database.queryRows("select 1 from flag where f = ?", [true]), [[1]]);
    assert.deepEqual(await database.queryRows("select f from flag order by f desc"), [[booleans[0]], [booleans[1]]]);
  });

  if (decimalType !== undefined) {
    databaseTest("a decimal is text, with all its places", async (database) => {
      await database.exec(`create table price (p ${decimalType})`);
      const prices = ["12345678901234567.80", "-0.01", "0.00"];
      for (const price of prices) await database.exec("insert into price values (?)", [price]);
      assert.deepEqual(new Set((await database.queryRows("select p from price")).map(([p]) => p)), new Set(prices));
    });
  }

  databaseTest(
    "a point in time goes in as a Date, and comes out as text in UTC with milliseconds",
    async (database) => {
      await database.exec(`create table event (t ${timeType})`);
      const times = ["2026-03-29T02:30:00.123Z", "1999-12-31T23:59:59.999Z", "2026-07-01T00:00:00.000Z"];
      for (const time of times) await database.exec("insert into event values (?)", [new Date(time)]);
      const read = (await database.queryRows<[string]>("select t from event order by t")).map(([time]) => time);
      assert.deepEqual(read, times.toSorted());
      for (const time of read) {
        assert.deepEqual(await database.queryRows("select 1 from event where t = ?", [new Date(time)]), [[1]]);
      }
    },
  );

  if (!hasNulInText) {
    databaseTest("text with U+0000 is refused before anything runs", async (database) => {
      await assert.rejects(database.exec(insert, ["a\0b", 1]), { name: "TypeError", message: /U\+0000/ });
      await assert.rejects(database.query("select name from person where name = ?", ["\0"]), TypeError);
      assert.deepEqual(await names(database), []);
    });
  }

  databaseTest("a parameter that cannot be bound is refused before anything runs", async (database) => {
    const wrong: unknown[] = [undefined, {}, [], NaN, Infinity, () => {}, Symbol("x"), "\ud800", new Map()];
    for (const value of wrong) {
      await assert.rejects(database.exec(insert, ["x", value as Param]), TypeError);
      await assert.rejects(database.query("select ? as x", [value as Param]), TypeError);
    }
    for (const value of [
      2n ** 63n,
      -(2n ** 63n) - 1n,
      new Date(NaN),
      new Date("+010000-01-01"),
      new Date("-000001-01-01"),
    ]) {
      await assert.rejects(database.exec(insert, ["x", value]), RangeError);
    }
    for (const params of [[], ["x"], ["x", 1, 2]]) {
      await assert.rejects(database.exec(insert, params), { name: "TypeError", message: /wanted 2/ });
    }
    await assert.rejects(database.exec(insert, "xy" as unknown as Param[]), TypeError);
    await assert.rejects(database.exec(insert), TypeError);
    assert.deepEqual(await names(database), []);
  });

  databaseTest("an error of binding names the place and never the value", async (database) => {
    const { error } = await outcomeOf(() => database.exec(insert, ["secret", Object("secret") as Param]));
    assert.match(String(error), /parameter 2/);
    assert.doesNotMatch(String(error), /secret/);
  });

  databaseTest(
    "bytes that are changed after the call do not change what is stored",
    async (database) => {
      await database.exec(`create table kept (b ${bytesType})`);
      const bytes = Uint8Array.of(1, 2, 3);
      const { gate, holder } = await occupy(database);
      const writing = spawn(() => database.exec("insert into kept values (?)", [bytes]));
      bytes.fill(9);
      gate.open();
      await holder.join();
      await writing.join();
      assert.deepEqual(await database.queryRows("select b from kept"), [[Uint8Array.of(1, 2, 3)]]);
    },
    alone,
  );

  databaseTest("text that is not one plain statement is refused", async (database) => {
    const cases: [string, string][] = [
      ["select 1; select 2", "ERR_DB_MULTIPLE_STATEMENTS"],
      ["delete from person; drop table person", "ERR_DB_MULTIPLE_STATEMENTS"],
      ["select 1; -- and\n select 2", "ERR_DB_MULTIPLE_STATEMENTS"],
      ["begin", "ERR_DB_TRANSACTION_STATEMENT"],
      ["/* now */ COMMIT", "ERR_DB_TRANSACTION_STATEMENT"],
      ["rollback", "ERR_DB_TRANSACTION_STATEMENT"],
      ["savepoint a", "ERR_DB_TRANSACTION_STATEMENT"],
      ["", "ERR_DB_SYNTAX"],
      [" -- nothing\n", "ERR_DB_SYNTAX"],
      ["select 'a\0b'", "ERR_DB_SYNTAX"],
      ["select '\ud800'", "ERR_DB_SYNTAX"],
      ["selec 1", "ERR_DB_SYNTAX"],
      ["select * from nobody", "ERR_DB_SYNTAX"],
      ["select shoe_size from person", "ERR_DB_SYNTAX"],
    ];
    for (const [sql, code] of cases) {
      await rejectsWith(code, () => database.query(sql));
      await rejectsWith(code, () => database.exec(sql));
    }
    assert.throws(() => database.prepare("select 1; select 2"), { code: "ERR_DB_MULTIPLE_STATEMENTS" });
    await assert.rejects(database.query(1 as unknown as string), TypeError);
    assert.deepEqual(await database.query("select 1 as a; -- the end"), [{ a: 1 }]);
    assert.deepEqual(await database.query("select ';?' as a, ? + 0 as b -- ?;\n", [2]), [{ a: ";?", b: 2 }]);
  });

  databaseTest("rows are plain objects, or arrays in the order of the columns", async (database) => {
    await database.exec("insert into person (name, age) values ('ada', 36), ('bob', null)");
    const sql = "select name, age from person order by name";
    const rows = await database.query<{ name: string; age: number | null }>(sql);
    assert.deepEqual(rows, [
      { name: "ada", age: 36 },
      { name: "bob", age: null },
    ]);
    assert.equal(Object.getPrototypeOf(rows[0]), Object.prototype);
    assert.deepEqual(await database.queryRows(sql), [
      ["ada", 36],
      ["bob", null],
    ]);
    assert.deepEqual(await database.queryOne(sql), { name: "ada", age: 36 });
    const none = "select name from person where age = ?";
    assert.deepEqual(await database.query(none, [1]), []);
    assert.deepEqual(await database.queryRows(none, [1]), []);
    assert.equal(await database.queryOne(none, [1]), undefined);
  });

  databaseTest("two columns of one name are refused in objects and given in arrays", async (database) => {
    const sql = "select 1 as a, 2 as a";
    await rejectsWith("ERR_DB_COLUMN_NAMES", () => database.query(sql));
    await rejectsWith("ERR_DB_COLUMN_NAMES", () => database.queryOne(sql));
    assert.deepEqual(await database.queryRows(sql), [[1, 2]]);
  });

  databaseTest("exec tells what changed", async (database) => {
    assert.deepEqual(await database.exec(insert, ["a", 1]), {
      affectedRows: 1,
      lastInsertId: tellsKey === "none" ? undefined : 1,
    });
    assert.deepEqual(await database.exec("insert into person (name) values ('b'), ('c')"), {
      affectedRows: 2,
      lastInsertId: { none: undefined, first: 2, last: 3 }[tellsKey],
    });
    assert.deepEqual(await database.exec("update person set age = 2"), { affectedRows: 3, lastInsertId: undefined });
    assert.deepEqual(await database.exec("update person set age = 2 where name = 'z'"), {
      affectedRows: 0,
      lastInsertId: undefined,
    });
    assert.deepEqual(await database.exec("delete from person where name <> 'a'"), {
      affectedRows: 2,
      lastInsertId: undefined,
    });
    assert.deepEqual(await database.exec("create table other (a integer)"), {
      affectedRows: 0,
      lastInsertId: undefined,
    });
    assert.deepEqual(await database.exec("select 1"), { affectedRows: 0, lastInsertId: undefined });
  });

  databaseTest("`returning` gives the keys of an insert, and what an upsert made of a row", async (database) => {
    const sql = "insert into person (name, age) values (?, ?), (?, ?) returning id, name";
    const rows = await database.query<{ id: number; name: string }>(sql, ["a", 1, "b", 2]);
    assert.deepEqual(
      rows.map((row) => row.name),
      ["a", "b"],
    );
    const read = await database.queryRows("select id, name from person order by id");
    assert.deepEqual(
      rows.map((row) => [row.id, row.name]),
      read,
    );
    assert.equal((await database.exec("insert into person (name) values ('c') returning id")).affectedRows, 1);
    assert.deepEqual(await names(database), ["a", "b", "c"]);
  });

  databaseTest("a statement that failed is judged anew when it runs again", async (database) => {
    const sql = `${insert} returning name`;
    assert.deepEqual(await database.queryRows(sql, ["a", 1]), [["a"]]);
    for (const person of ["b", "c"]) {
      await rejectsWith("ERR_DB_UNIQUE", () => database.queryRows(sql, ["a", 1]));
      assert.deepEqual(await database.queryRows(sql, [person, 1]), [[person]]);
    }
    await database.transaction((tx) => tx.exec(insert, ["d", 1]));
    assert.deepEqual(await names(database), ["a", "b", "c", "d"]);
  });

  databaseTest("a prepared statement runs like its text, and the same text gives the same handle", async (database) => {
    const statement = database.prepare(insert);
    assert.equal(database.prepare(insert), statement);
    assert.equal(statement.sql, insert);
    for (const person of ["a", "b", "c"]) await statement.exec([person, 1]);
    const find = database.prepare("select name from person where name >= ? order by name");
    assert.deepEqual(await find.query(["b"]), [{ name: "b" }, { name: "c" }]);
    assert.deepEqual(await find.queryRows(["b"]), [["b"], ["c"]]);
    assert.deepEqual(await find.queryOne(["b"]), { name: "b" });
    await assert.rejects(find.query([]), TypeError);
    await assert.rejects(statement.exec(["d", undefined as unknown as null]), TypeError);
  });

  databaseTest(
    "more statements than the cache holds go on working",
    async (database) => {
      const first = database.prepare("select 0 as a");
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 50; i++) assert.deepEqual(await database.queryRows(`select ${i} as a`), [[i]]);
      }
      for (let i = 1; i < 50; i++) database.prepare(`select ${i} as a`);
      assert.deepEqual(await first.queryRows(), [[0]]);
    },
    { statementCacheSize: 8 },
  );

  databaseTest("a broken constraint says which, under a code of its own", async (database) => {
    await database.exec(`create table post (
      id ${keyType}, person_id bigint not null, slug varchar(100) not null, day integer not null,
      stars integer, constraint stars_range check (stars between 0 and 5), unique (slug, day),
      constraint post_person foreign key (person_id) references person (id))`);
    await database.exec("insert into person (id, name) values (100, 'ada')");
    const post = "insert into post (person_id, slug, day, stars) values (?, ?, ?, ?)";
    await database.exec(post, [100, "a", 1, 5]);

    const unique = await rejectsWith("ERR_DB_UNIQUE", () => database.exec(insert, ["ada", 1]));
    assert.equal(unique.constraint, namesIndexes ? "person_name" : "person.name");
    assert.equal(unique.retryable, false);
    assert.equal(unique.sql, insert);
    assert.ok(unique.cause instanceof Error);
    assert.equal(typeof unique.sqlState, "string");
    const pair = await rejectsWith("ERR_DB_UNIQUE", () => database.exec(post, [100, "a", 1, 0]));
    assert.equal(pair.constraint, namesIndexes ? "slug" : "post.slug, post.day");
    const missing = await rejectsWith("ERR_DB_NOT_NULL", () => database.exec(post, [100, null, 1, 0]));
    assert.equal(missing.constraint, "post.slug");
    const check = await rejectsWith("ERR_DB_CHECK", () => database.exec(post, [100, "b", 1, 6]));
    assert.equal(check.constraint, "stars_range");
    const key = await rejectsWith("ERR_DB_FOREIGN_KEY", () => database.exec(post, [2, "b", 1, 5]));
    if (namesForeignKeys) assert.equal(key.constraint, "post_person");
    await rejectsWith("ERR_DB_FOREIGN_KEY", () => database.exec("delete from person"));
    assert.equal((await database.queryRows("select 1 from post")).length, 1);
  });

  databaseTest("of many that insert one name at once one succeeds", async (database) => {
    const outcomes = await Promise.all(
      Array.from({ length: CROWD }, () => outcomeOf(() => database.exec(insert, ["same", 1]))),
    );
    assert.equal(outcomes.filter(({ error }) => error === undefined).length, 1);
    for (const { error } of outcomes)
      if (error !== undefined) assert.equal((error as DatabaseError).code, "ERR_DB_UNIQUE");
    assert.deepEqual(await names(database), ["same"]);
  });

  databaseTest("writes that run together do not touch one another", async (database) => {
    const outcomes = await Promise.all(
      Array.from({ length: 2 * CROWD }, (_, i) =>
        outcomeOf(() => database.queryRows<[number]>(`${insert} returning id`, [`name ${i % CROWD}`, i])),
      ),
    );
    const done = outcomes.flatMap(({ value }) => (value === undefined ? [] : [value[0]?.[0]]));
    assert.equal(done.length, CROWD);
    assert.equal(new Set(done).size, CROWD);
    const rows = await database.queryRows<[number, string]>("select id, name from person");
    assert.deepEqual(new Set(rows.map(([id]) => id)), new Set(done));
  });

  databaseTest("a transaction is committed when its body returns", async (database) => {
    const value = await database.transaction(async (tx) => {
      assert.equal(tx.readOnly, false);
      await tx.exec(insert, ["a", 1]);
      const statement = tx.prepare(insert);
      assert.equal(tx.prepare(insert), statement);
      await statement.exec(["b", 2]);
      return tx.queryRows("select name from person order by name");
    });
    assert.deepEqual(value, [["a"], ["b"]]);
    assert.deepEqual(await names(database), ["a", "b"]);
  });

  databaseTest("a transaction is rolled back when its body throws, and what it threw is thrown", async (database) => {
    const failure = new Error("no");
    const { error } = await outcomeOf(() =>
      database.transaction(async (tx) => {
        await tx.exec(insert, ["a", 1]);
        throw failure;
      }),
    );
    assert.equal(error, failure);
    await rejectsWith("ERR_DB_UNIQUE", () =>
      database.transaction(async (tx) => {
        await tx.exec(insert, ["a", 1]);
        await tx.exec(insert, ["a", 1]);
      }),
    );
    assert.deepEqual(await names(database), []);
    await database.exec(insert, ["after", 1]);
    assert.deepEqual(await names(database), ["after"]);
  });

  databaseTest("a transaction is rolled back when its coroutine is cancelled", async (database) => {
    const entered = new Gate();
    const writer = spawn(() =>
      database.transaction(async (tx) => {
        await tx.exec(insert, ["a", 1]);
        entered.open();
        await new Gate().wait();
      }),
    );
    await entered.wait();
    writer.cancel();
    await assert.rejects(writer.join(), { code: "ERR_COROUTINE_CANCELLED" });
    assert.equal(writer.state, "cancelled");
    assert.deepEqual(await names(database), []);
    await database.transaction((tx) => tx.exec(insert, ["b", 1]));
    assert.deepEqual(await names(database), ["b"]);
  });

  databaseTest("a transaction past its deadline is rolled back", async (database) => {
    const slow = withDeadline(20, () =>
      database.transaction(async (tx) => {
        await tx.exec(insert, ["a", 1]);
        await new Gate().wait();
      }),
    );
    await assert.rejects(slow, { code: "ERR_DEADLINE" });
    assert.deepEqual(await names(database), []);
  });

  databaseTest("a transaction waits for what its body spawned, and fails with it", async (database) => {
    await database.transaction(async (tx) => {
      spawn(async () => {
        await sleep(1);
        await tx.exec(insert, ["late", 1]);
      });
    });
    assert.deepEqual(await names(database), ["late"]);
    const failure = new Error("of the child");
    const { error } = await outcomeOf(() =>
      database.transaction(async (tx) => {
        await tx.exec(insert, ["a", 1]);
        spawn(async () => {
          throw failure;
        });
      }),
    );
    assert.equal(error, failure);
    assert.deepEqual(await names(database), ["late"]);
  });

  databaseTest(
    "a transaction's handle is dead after its end",
    async (database) => {
      const kept: Transaction[] = [];
      const statement = await database.transaction(async (tx) => {
        kept.push(tx);
        return tx.prepare(insert);
      });
      await rejectsWith("ERR_DB_TRANSACTION_ENDED", () => statement.exec(["x", 1]));
      await outcomeOf(() =>
        database.transaction(async (tx) => {
          kept.push(tx);
          await tx.transaction(async (inner) => {
            kept.push(inner);
          });
          await rejectsWith("ERR_DB_TRANSACTION_ENDED", () => (kept[2] as Transaction).exec(insert, ["x", 1]));
          throw new Error("no");
        }),
      );
      assert.equal(kept.length, 3);
      for (const tx of kept) {
        await rejectsWith("ERR_DB_TRANSACTION_ENDED", () => tx.exec(insert, ["x", 1]));
        await rejectsWith("ERR_DB_TRANSACTION_ENDED", () => tx.query("select 1"));
        await rejectsWith("ERR_DB_TRANSACTION_ENDED", () => tx.transaction(async () => {}));
        await rejectsWith("ERR_DB_TRANSACTION_ENDED", async () => tx.prepare(insert));
      }
      assert.deepEqual(await names(database), []);
    },
    {},
    ["E"],
  );

  databaseTest("two statements at once in one transaction are an error that names both", async (database) => {
    await database.transaction(async (tx) => {
      const first = tx.exec(insert, ["first", 1]);
      const error = await rejectsWith("ERR_DB_TRANSACTION_BUSY", () => tx.query("select 'the second'"));
      assert.match(error.message, /the second/);
      assert.match(error.message, /insert into person/);
      await first;
    });
    assert.deepEqual(await names(database), ["first"]);
  });

  databaseTest("a transaction whose body did not await a statement is rolled back", async (database) => {
    const floating: Promise<unknown>[] = [];
    await rejectsWith("ERR_DB_TRANSACTION_BUSY", () =>
      database.transaction(async (tx) => {
        floating.push(outcomeOf(() => tx.exec(insert, ["a", 1])));
      }),
    );
    await Promise.all(floating);
    assert.deepEqual(await names(database), []);
  });

  databaseTest("an inner transaction is undone alone", async (database) => {
    await database.transaction(async (tx) => {
      await tx.exec(insert, ["outer", 1]);
      await tx.transaction((inner) => inner.exec(insert, ["kept", 1]));
      const failure = new Error("no");
      const { error } = await outcomeOf(() =>
        tx.transaction(async (inner) => {
          await inner.exec(insert, ["undone", 1]);
          await inner.transaction((innermost) => innermost.exec(insert, ["undone too", 1]));
          throw failure;
        }),
      );
      assert.equal(error, failure);
      await rejectsWith("ERR_DB_UNIQUE", () => tx.transaction((inner) => inner.exec(insert, ["outer", 1])));
      await tx.exec(insert, ["after", 1]);
    });
    assert.deepEqual(await names(database), ["after", "kept", "outer"]);
  });

  databaseTest(
    "a cancel that meets the beginning of an inner transaction is a cancel, and undoes the outer one",
    async (database) => {
      const worker: Coroutine<void> = spawn(async () => {
        await database.transaction(async (tx) => {
          await tx.exec(insert, ["outer", 1]);
          worker.cancel();
          await tx.transaction(async (inner) => void (await inner.exec(insert, ["inner", 2])));
        });
      });
      assert.equal(codeOf(await outcomeOf(() => worker.join())), "ERR_COROUTINE_CANCELLED");
      assert.equal(worker.state, "cancelled");
      assert.deepEqual(await names(database), []);
      await database.exec(insert, ["after", 3]);
    },
  );

  databaseTest("the outer handle rests while an inner transaction is open", async (database) => {
    await database.transaction(async (tx) => {
      await tx.transaction(async (inner) => {
        const error = await rejectsWith("ERR_DB_TRANSACTION_BUSY", () => tx.exec(insert, ["a", 1]));
        assert.match(error.message, /inner transaction/);
        await inner.exec(insert, ["b", 1]);
      });
    });
    assert.deepEqual(await names(database), ["b"]);
  });

  databaseTest("a transaction for reading alone refuses to write and sees one state", async (database) => {
    await database.exec(insert, ["a", 1]);
    await database.transaction(
      async (tx) => {
        assert.equal(tx.readOnly, true);
        assert.deepEqual(await tx.queryRows("select name from person"), [["a"]]);
        await rejectsWith("ERR_DB_READ_ONLY", () => tx.exec(insert, ["b", 1]));
        await rejectsWith("ERR_DB_READ_ONLY", () => tx.exec("drop table person"));
        assert.deepEqual(await tx.queryRows("select name from person"), [["a"]]);
      },
      { readOnly: true },
    );
    await database.exec(insert, ["c", 1]);
    assert.deepEqual(await names(database), ["a", "c"]);
  });

  databaseTest("inside a transaction what would wait for it is refused", async (database) => {
    await database.transaction(async () => {
      await rejectsWith("ERR_DB_TRANSACTION_OPEN", () => database.exec(insert, ["a", 1]));
      await rejectsWith("ERR_DB_TRANSACTION_OPEN", () => database.transaction(async () => {}));
      await rejectsWith("ERR_DB_TRANSACTION_OPEN", async () => database.close());
    });
    await database.exec(insert, ["b", 1]);
    assert.deepEqual(await names(database), ["b"]);
  });

  databaseTest("transactions that count together lose nothing", async (database) => {
    await database.exec(insert, ["counter", 0]);
    await Promise.all(
      Array.from({ length: CROWD }, () =>
        database.transaction(async (tx) => {
          const sql = `select age from person where name = 'counter'${forUpdate}`;
          const row = await tx.queryOne<{ age: number }>(sql);
          await tx.exec("update person set age = ? where name = 'counter'", [(row?.age ?? NaN) + 1]);
        }),
      ),
    );
    assert.deepEqual(await database.queryRows("select age from person"), [[CROWD]]);
  });

  databaseTest(
    "serializable transactions that count together are run again until all have counted",
    async (database) => {
      await database.exec(insert, ["counter", 0]);
      const sql = "select age from person where name = 'counter'";
      await Promise.all(
        Array.from({ length: CROWD }, () =>
          database.transaction(
            async (tx) => {
              const row = await tx.queryOne<{ age: number }>(sql);
              await tx.exec("update person set age = ? where name = 'counter'", [(row?.age ?? NaN) + 1]);
            },
            { isolation: "serializable", retry: 100 },
          ),
        ),
      );
      assert.deepEqual(await database.queryRows("select age from person"), [[CROWD]]);
    },
  );

  databaseTest("transactions that lock in opposite orders all succeed when they are run again", async (database) => {
    await database.exec("insert into person (name, age) values ('a', 0), ('b', 0)");
    const sql = "update person set age = age + 1 where name = ?";
    await Promise.all(
      Array.from({ length: 4 }, (_, i) =>
        database.transaction(
          async (tx) => {
            for (const person of i % 2 === 0 ? ["a", "b"] : ["b", "a"]) await tx.exec(sql, [person]);
          },
          { retry: 100 },
        ),
      ),
    );
    assert.deepEqual(await database.queryRows("select age from person"), [[4], [4]]);
  });

  databaseTest("a failure that is caught in a transaction leaves all of it or nothing", async (database) => {
    const { error } = await outcomeOf(() =>
      database.transaction(async (tx) => {
        await tx.exec(insert, ["a", 1]);
        await rejectsWith("ERR_DB_UNIQUE", () => tx.exec(insert, ["a", 2]));
        await outcomeOf(() => tx.exec(insert, ["b", 3]));
      }),
    );
    if (error !== undefined) assert.equal(codeOf({ error }), "ERR_DB_TRANSACTION_FAILED");
    assert.deepEqual(await names(database), error === undefined ? ["a", "b"] : []);
  });

  databaseTest("only what the database gave up for another's sake is run again", async (database) => {
    let runs = 0;
    await rejectsWith("ERR_DB_UNIQUE", () =>
      database.transaction(
        async (tx) => {
          runs++;
          await tx.exec(insert, ["a", 1]);
          await tx.exec(insert, ["a", 1]);
        },
        { retry: 5 },
      ),
    );
    assert.equal(runs, 1);
    for (const wrong of [{ retry: -1 }, { retry: 101 }, { retry: 0.5 }, { isolation: "chaos" as "serializable" }]) {
      await assert.rejects(
        database.transaction(async () => {}, wrong),
        RangeError,
      );
    }
  });

  databaseTest(
    "who waits for a connection is served in order",
    async (database) => {
      const { gate, holder } = await occupy(database);
      const order: number[] = [];
      const waiters = Array.from({ length: 6 }, (_, i) =>
        spawn(async () => {
          if (i % 2 === 0) await database.exec(insert, [`name ${i}`, i]);
          else await database.transaction((tx) => tx.exec(insert, [`name ${i}`, i]));
          order.push(i);
        }),
      );
      gate.open();
      await holder.join();
      for (const waiter of waiters) await waiter.join();
      assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
    },
    alone,
  );

  databaseTest(
    "the queue for a connection has an end",
    async (database) => {
      const { gate, holder } = await occupy(database);
      const waiting = [1, 2].map((i) => spawn(() => database.exec(insert, [`name ${i}`, i])));
      const error = await rejectsWith("ERR_DB_POOL_FULL", () => database.exec(insert, ["third", 3]));
      assert.equal(error.retryable, true);
      await rejectsWith("ERR_DB_POOL_FULL", () => database.transaction(async () => {}));
      gate.open();
      await holder.join();
      for (const waiter of waiting) await waiter.join();
      assert.deepEqual(await names(database), ["name 1", "name 2"]);
    },
    { ...alone, maxWaiters: 2 },
  );

  databaseTest(
    "nobody waits longer than `acquireTimeoutMs` for a connection",
    async (database) => {
      const { gate, holder } = await occupy(database);
      const [error] = await Promise.all([
        rejectsWith("ERR_DB_ACQUIRE_TIMEOUT", () => database.exec(insert, ["a", 1])),
        rejectsWith("ERR_DB_ACQUIRE_TIMEOUT", () => database.transaction(async () => {})),
      ]);
      assert.equal(error.retryable, true);
      gate.open();
      await holder.join();
      await database.exec(insert, ["b", 1]);
      assert.deepEqual(await names(database), ["b"]);
    },
    // Opening the database waits for its first connection as well.
    { ...alone, acquireTimeoutMs: 1_000 },
  );

  databaseTest(
    "a deadline reaches who waits for a connection, and what it wanted is not done",
    async (database) => {
      const { gate, holder } = await occupy(database);
      await assert.rejects(
        withDeadline(10, () => database.exec(insert, ["a", 1])),
        { code: "ERR_DEADLINE" },
      );
      await assert.rejects(
        withDeadline(10, () => database.transaction((tx) => tx.exec(insert, ["a", 1]))),
        {
          code: "ERR_DEADLINE",
        },
      );
      gate.open();
      await holder.join();
      assert.deepEqual(await names(database), []);
    },
    alone,
  );

  databaseTest("a cancelled write is done and says so, or is not done", async (database) => {
    const writers: Coroutine<unknown>[] = [];
    const told = new Set<string>();
    for (let i = 0; i < 5 * CROWD; i++) {
      const person = `name ${i}`;
      const writer = spawn(async () => {
        const { affectedRows } = await database.exec(insert, [person, i]);
        if (affectedRows === 1) told.add(person);
      });
      writers.push(writer);
      if (i % 3 === 0) writer.cancel();
      if (i % 7 === 0) await database.queryRows("select 1");
      if (i % 5 === 0) writers[i - 1]?.cancel();
    }
    for (const writer of writers) await outcomeOf(() => writer.join());
    assert.deepEqual(new Set(await names(database)), told);
    assert.ok(told.size > 0 && told.size < writers.length);
  });

  databaseTest("nothing begins in a coroutine that is cancelled", async (database) => {
    // What a statement does when it has run often is what it does at first.
    for (let i = 0; i < 10; i++) await database.queryRows("select 1");
    const errors: unknown[] = [];
    const late = spawn(async () => {
      try {
        await new Gate().wait();
      } finally {
        for (const call of [
          () => database.exec(insert, ["a", 1]),
          () => database.queryRows("select 1"),
          () => database.transaction((tx) => tx.exec(insert, ["a", 1])),
        ]) {
          errors.push((await outcomeOf<unknown>(call)).error);
        }
      }
    });
    late.cancel();
    await outcomeOf(() => late.join());
    assert.equal(errors.length, 3);
    for (const error of errors) assert.ok(error instanceof Cancelled);
    assert.deepEqual(await names(database), []);
  });

  databaseTest("what is acknowledged is seen by every later read", async (database) => {
    await scope(() => {
      for (let w = 0; w < CROWD; w++) {
        spawn(async () => {
          for (let i = 0; i < 20; i++) {
            const person = `${w} ${i}`;
            if (i % 4 === 0) await database.transaction((tx) => tx.exec(insert, [person, i]));
            else await database.exec(insert, [person, i]);
            const [row] = await database.queryRows("select age from person where name = ?", [person]);
            assert.deepEqual(row, [i]);
            await database.exec("update person set age = ? where name = ?", [-i, person]);
            const again = await database.queryOne("select age from person where name = ?", [person]);
            assert.deepEqual(again, { age: 0 - i });
          }
        });
      }
    });
    assert.deepEqual(await database.queryRows("select count(*) from person"), [[CROWD * 20]]);
  });

  databaseTest(
    "a closed database refuses every use",
    async (database) => {
      const statement = database.prepare(insert);
      const read = database.prepare("select 1");
      for (let i = 0; i < 10; i++) await read.queryRows();
      await database.close();
      const closed = { code: "ERR_CLOSED" };
      await assert.rejects(database.exec(insert, ["a", 1]), closed);
      await assert.rejects(database.query("select 1"), closed);
      await assert.rejects(statement.exec(["a", 1]), closed);
      await assert.rejects(read.query(), closed);
      assert.throws(() => database.prepare("select 2"), closed);
      await assert.rejects(
        database.transaction(async () => {}),
        closed,
      );
      await database.close();
      await database[Symbol.asyncDispose]();
    },
    {},
    ["E"],
  );

  databaseTest(
    "closing waits for what runs and what waits, and takes nothing new",
    async (database) => {
      const { gate, holder } = await occupy(database);
      const waiting = spawn(() => database.exec(insert, ["a", 1]));
      const closing = spawn(() => database.close());
      const second = spawn(() => database.close());
      await assert.rejects(database.exec(insert, ["b", 1]), { code: "ERR_CLOSED" });
      assert.equal(closing.state, "running");
      gate.open();
      await holder.join();
      assert.equal((await waiting.join()).affectedRows, 1);
      await closing.join();
      await second.join();
    },
    alone,
    ["E"],
  );

  coroutineTest(`${name}: closing waits no longer than \`closeTimeoutMs\``, async () => {
    const database = await openDatabase({ ...alone, closeTimeoutMs: 20 });
    await database.exec("create table a (b integer)");
    const gate = new Gate();
    const entered = new Gate();
    const holder = spawn(() =>
      outcomeOf(() =>
        database.transaction(async (tx) => {
          await tx.exec("insert into a values (1)");
          entered.open();
          await gate.wait();
        }),
      ),
    );
    await entered.wait();
    const waiting = spawn(() => outcomeOf(() => database.exec("insert into a values (2)")));
    await rejectsWith("ERR_DB_CLOSE_TIMEOUT", () => database.close());
    assert.equal(codeOf(await waiting.join()), "ERR_CLOSED");
    gate.open();
    assert.equal(codeOf(await holder.join()), "ERR_DB_CONNECTION_LOST");
  });

  coroutineTest(
    `${name}: a database is closed when the coroutine that holds it is cancelled`,
    async () => {
      const opened = new Gate();
      const kept: Database[] = [];
      const user = spawn(async () => {
        await using database = await openDatabase();
        kept.push(database);
        opened.open();
        await new Gate().wait();
      });
      await opened.wait();
      user.cancel();
      await outcomeOf(() => user.join());
      await assert.rejects((kept[0] as Database).query("select 1"), { code: "ERR_CLOSED" });
    },
    { provokes: ["E"] },
  );

  databaseTest("a call outside a coroutine is refused", async (database) => {
    for (let i = 0; i < 10; i++) await database.queryRows("select 1");
    const calls = [
      () => database.queryRows("select 1"),
      () => database.exec(insert, ["a", 1]),
      () => database.transaction(async () => {}),
      async () => database.close(),
    ];
    const errors: unknown[] = [];
    for (const call of calls) errors.push((await outsideCoroutines(() => outcomeOf<unknown>(call))).error);
    assert.equal(errors.length, 4);
    for (const error of errors) assert.ok(error instanceof NotInCoroutineError, String(error));
    assert.deepEqual(await names(database), []);
  });
}
