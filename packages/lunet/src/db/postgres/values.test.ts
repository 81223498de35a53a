import assert from "node:assert/strict";
import { test } from "node:test";
import { coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import type { Param } from "../contract.ts";
import { withConnection } from "./connections.fixture.ts";
import { toWire } from "./values.ts";

const database = realDatabase("postgres");

/** An expression of SQL, and the value that it is read as. */
const READ: readonly (readonly [sql: string, value: unknown])[] = [
  ["cast(null as int)", null],
  ["true", true],
  ["false", false],
  ["cast(-32768 as int2)", -32_768],
  ["cast(2147483647 as int4)", 2_147_483_647],
  ["cast(4294967295 as oid)", 4_294_967_295],
  ["cast(9007199254740991 as int8)", 9_007_199_254_740_991],
  ["cast(-9007199254740991 as int8)", -9_007_199_254_740_991],
  ["cast(9007199254740992 as int8)", 9_007_199_254_740_992n],
  ["cast(9007199254740993 as int8)", 9_007_199_254_740_993n],
  ["cast('-9223372036854775808' as int8)", -(2n ** 63n)],
  ["cast(0.1 as float8)", 0.1],
  ["cast('5e-324' as float8)", 5e-324],
  ["cast('-0' as float8)", -0],
  ["cast('infinity' as float8)", Infinity],
  ["cast('nan' as float8)", NaN],
  ["cast(0.1 as float4)", 0.1],
  ["12345678901234567890.10", "12345678901234567890.10"],
  ["cast('' as text)", ""],
  ["cast('𝒳 ü' as text)", "𝒳 ü"],
  ["cast('\\x' as bytea)", new Uint8Array()],
  ["cast('\\x00ff80' as bytea)", Uint8Array.of(0, 255, 128)],
  ["timestamptz '2026-01-31 13:00:00.123999+01'", "2026-01-31T12:00:00.123Z"],
  ["timestamptz '2026-01-31 12:00:00.5+00'", "2026-01-31T12:00:00.500Z"],
  ["timestamp '2026-01-31 12:00:00'", "2026-01-31T12:00:00.000Z"],
  ["timestamp '0001-01-01 00:00:00'", "0001-01-01T00:00:00.000Z"],
  ["timestamptz 'infinity'", "infinity"],
  ["timestamptz '-infinity'", "-infinity"],
  ["timestamp '0044-03-15 12:00:00 BC'", "0044-03-15 12:00:00 BC"],
  ["timestamp '12026-01-31 12:00:00'", "12026-01-31 12:00:00"],
  ["date '2026-01-31'", "2026-01-31"],
  ["date '0044-03-15 BC'", "0044-03-15 BC"],
  ["time '12:00:00.25'", "12:00:00.25"],
  ["interval '1 day 2 hours'", "P1DT2H"],
  ["cast('{\"a\": 1}' as jsonb)", '{"a": 1}'],
  ["cast('{\"a\":1}' as json)", '{"a":1}'],
  ["array[1, 2]", "{1,2}"],
  ["cast('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' as uuid)", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
];

coroutineTest("values are read as the contract says, however the user's own settings write them", async () => {
  await database.administer(`alter database ${database.name} set timezone = 'Asia/Kolkata'`);
  await database.administer(`alter database ${database.name} set datestyle = 'German'`);
  await database.administer(`alter database ${database.name} set bytea_output = 'escape'`);
  await withConnection(database.url, {}, async (client) => {
    for (const [sql, value] of READ) assert.deepEqual([sql, ...(await client.rows(`select ${sql}`))], [sql, [value]]);
  });
});

coroutineTest("bytes that were read are no part of a buffer of somebody else's", async () => {
  await withConnection(database.url, {}, async (client) => {
    const [[bytes]] = (await client.rows("select cast('\\x0102' as bytea)")) as [[Uint8Array]];
    assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
    assert.equal(bytes.buffer.byteLength, 2);
  });
});

/** A type, and values that go through a column of it and come back as they were. */
const WRITTEN: readonly (readonly [type: string, values: readonly Param[]])[] = [
  ["int", [0, -1, 2_147_483_647, null]],
  ["bigint", [9_007_199_254_740_991, 2n ** 63n - 1n, -(2n ** 63n), 9_007_199_254_740_993n]],
  ["double precision", [0.1, -0, 5e-324, 1.7976931348623157e308, 1e21]],
  ["boolean", [true, false, null]],
  ["text", ["", "'; drop table x; --", "\\x41", "𝒳", "a\nb\u0001", "{}"]],
  ["bytea", [new Uint8Array(), Uint8Array.of(0, 1, 255), new Uint8Array(100_000).fill(7)]],
  ["numeric", ["12345678901234567890.10"]],
  ["date", ["2026-01-31"]],
  ["timestamptz", ["2026-01-31T12:00:00.123Z"]],
  ["timestamp", ["2026-01-31T12:00:00.123Z"]],
];

coroutineTest("values come back as they were written", async () => {
  await withConnection(database.url, {}, async (client) => {
    for (const [index, [type, values]] of WRITTEN.entries()) {
      await client.result(`create temporary table kept_${index} (value ${type})`);
      for (const value of values) {
        const { rows } = await client.result(`insert into kept_${index} values (?) returning value`, [value]);
        assert.deepEqual(rows, [[value]]);
      }
    }
  });
});

coroutineTest("a truth value and a number are taken where they are compared", async () => {
  await withConnection(database.url, {}, async (client) => {
    await client.result("create temporary table flagged (flag boolean, amount numeric)");
    await client.result("insert into flagged values (?, ?), (?, ?)", [true, 1.5, false, 2]);
    assert.deepEqual(await client.rows("select amount from flagged where flag = ?", [true]), [["1.5"]]);
    assert.deepEqual(await client.rows("select flag from flagged where amount = ?", [2]), [[false]]);
    assert.deepEqual(await client.rows("select 1 where cast(? as int) = any (array[1, 2])", [2]), [[1]]);
  });
});

test("numbers are sent as text that names the same number", () => {
  assert.deepEqual([-0, 1e21, 0.1, 2n ** 63n, true, null, "x"].map(toWire), [
    "-0",
    "1e+21",
    "0.1",
    "9223372036854775808",
    "true",
    null,
    "x",
  ]);
  const bytes = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
  assert.deepEqual(toWire(bytes), Buffer.of(2, 3));
});
