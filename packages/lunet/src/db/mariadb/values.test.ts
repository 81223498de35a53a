import assert from "node:assert/strict";
import { coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import type { Param } from "../contract.ts";
import { failure, result, rows, withConnection } from "./connection.fixture.ts";

const database = realDatabase("mariadb");

/** What comes out of a column of this type when the value goes in. */
async function throughColumn(type: string, value: Param): Promise<unknown> {
  return await withConnection(database.url, async (connection) => {
    await result(connection, `create or replace table passing (a ${type})`);
    await result(connection, "insert into passing (a) values (?)", [value]);
    return (await rows(connection, "select a from passing"))[0]?.[0];
  });
}

const UNCHANGED: readonly (readonly [type: string, ...values: Param[]])[] = [
  ["tinyint", -128, 127],
  ["tinyint unsigned", 255],
  ["smallint", -32_768],
  ["smallint unsigned", 65_535],
  ["mediumint", -8_388_608, 8_388_607],
  ["mediumint unsigned", 16_777_215],
  ["int", -2_147_483_648, 2_147_483_647],
  ["int unsigned", 4_294_967_295],
  ["bigint", 0, -1, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ["bigint", 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)],
  ["double", 0.1, 5e-324, 1e300, -1.5, Number.MAX_VALUE, 2 ** 53],
  ["float", 0.1, 16_777_216, -3.4e38],
  ["decimal(30,10)", "12345678901234567890.0123456789"],
  ["varchar(20) collate utf8mb4_bin", "", "ä🦀", "a\0b", 'it\'s \\ "quoted"'],
  ["longtext", "x".repeat(100_000)],
  ["varbinary(10)", new Uint8Array([]), new Uint8Array([0, 255, 39, 92])],
  ["longblob", new Uint8Array(100_000).fill(7), new Uint8Array(10_000_000).fill(7)],
  ["date", "2026-01-31", "0001-01-01", "9999-12-31"],
  ["time", "01:02:03", "-838:59:59", "00:00:00"],
  ["time(3)", "01:02:03.500", "-00:00:00.001"],
  ["year", 2026, 1901],
  ["json", '{"a": [1, 2]}'],
  ["enum('a','b')", "b"],
  ["set('a','b')", "a,b", ""],
  ["uuid", "123e4567-e89b-12d3-a456-426655440000"],
  ["inet6", "::1"],
  ["int", null],
];

for (const [type, ...values] of UNCHANGED) {
  coroutineTest(`a value of ${type} comes out as it went in`, async () => {
    for (const value of values) assert.deepEqual(await throughColumn(type, value), value);
  });
}

coroutineTest("truth values are 1 and 0", async () => {
  assert.equal(await throughColumn("boolean", true), 1);
  assert.equal(await throughColumn("boolean", false), 0);
});

coroutineTest("there is no -0", async () => {
  assert.equal(await throughColumn("double", -0), 0);
});

coroutineTest("integers beyond 63 bits come out whole", async () => {
  assert.equal(await throughColumn("bigint unsigned", "18446744073709551615"), 2n ** 64n - 1n);
});

coroutineTest("times are in UTC, to the millisecond", async () => {
  const zoned = "2026-01-31T12:00:00";
  assert.equal(await throughColumn("datetime", "2026-01-31 12:00:00"), `${zoned}.000Z`);
  assert.equal(await throughColumn("datetime(3)", "2026-01-31T12:00:00.123"), `${zoned}.123Z`);
  assert.equal(await throughColumn("datetime(6)", "2026-01-31 12:00:00.123456"), `${zoned}.123Z`);
  assert.equal(await throughColumn("timestamp(3) null", "2026-01-31 12:00:00.123"), `${zoned}.123Z`);
});

coroutineTest("the clock of a session is in UTC", async () => {
  await withConnection(database.url, async (connection) => {
    assert.deepEqual(await rows(connection, "select timediff(now(), utc_timestamp())"), [["00:00:00"]]);
  });
});

coroutineTest("what is no point in time is the server's text", async () => {
  assert.equal(await throughColumn("datetime", "0000-00-00 00:00:00"), "0000-00-00 00:00:00");
  assert.equal(await throughColumn("datetime(3)", "0000-00-00 00:00:00"), "0000-00-00 00:00:00.000");
  assert.equal(await throughColumn("date", "0000-00-00"), "0000-00-00");
});

coroutineTest("a time with its zone is refused where it is stored", async () => {
  await withConnection(database.url, async (connection) => {
    await result(connection, "create or replace table moment (at datetime(3))");
    const error = await failure(connection, "insert into moment values (?)", ["2026-01-31T12:00:00.123Z"]);
    assert.equal(error.code, "ERR_DB_TYPE");
  });
});

coroutineTest("bits and geometries are bytes", async () => {
  assert.deepEqual(await throughColumn("bit(3)", 5), new Uint8Array([5]));
  await withConnection(database.url, async (connection) => {
    const [[point] = []] = await rows(connection, "select point(1, 2), cast(null as char)");
    assert.ok(point instanceof Uint8Array);
    assert.equal(point.byteLength, 25);
  });
});

coroutineTest("parameters of other types are read as those in the next run of the same statement", async () => {
  await withConnection(database.url, async (connection) => {
    for (const value of [1, "x", 2.5, null, 2n ** 63n - 1n, new Uint8Array([1]), "y"]) {
      assert.deepEqual(await rows(connection, "select ?", [value]), [[value]]);
    }
  });
});

coroutineTest("bytes that were read are a memory of their own", async () => {
  await withConnection(database.url, async (connection) => {
    const [[bytes] = []] = await rows(connection, "select cast(? as binary)", ["abc"]);
    assert.ok(bytes instanceof Uint8Array && !(bytes instanceof Buffer));
    assert.equal(bytes.buffer.byteLength, 3);
  });
});

coroutineTest("rows keep columns of one name, and a statement its names", async () => {
  await withConnection(database.url, async (connection) => {
    const sql = "select 1 as a, ? as a";
    const first = await result(connection, sql, [2]);
    assert.deepEqual(first, { columns: ["a", "a"], rows: [[1, 2]], affectedRows: 0, lastInsertId: undefined });
    const second = await result(connection, sql, [3]);
    assert.equal(second.columns, first.columns);
    const other = await result(connection, sql, ["text"]);
    assert.equal(other.columns, first.columns);
  });
});

coroutineTest("a row of many columns has its NULLs where they are", async () => {
  await withConnection(database.url, async (connection) => {
    const values = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? null : i));
    assert.deepEqual(await rows(connection, `select ${values.map(() => "?").join(", ")}`, values), [values]);
  });
});
