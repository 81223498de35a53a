import assert from "node:assert/strict";
import { test } from "node:test";
import { Type, type TSchema } from "typebox";
import { checkerOf } from "./json-schema.ts";
import { findProblems, MAX_PROBLEMS } from "./problems.ts";

function messagesOf(schema: TSchema, value: unknown): string[] {
  return findProblems(schema, value, "content").map(({ pointer, message }) => `${pointer} ${message}`);
}

test("each field is named, however deep, with what it must be", () => {
  const schema = Type.Object(
    {
      "a/b~c": Type.Integer(),
      list: Type.Array(Type.Object({ on: Type.Boolean() }), { maxItems: 2 }),
      choice: Type.Union([Type.String(), Type.Null(), Type.Literal(5)]),
      fixed: Type.Literal("x"),
      level: Type.Enum(["low", "high"]),
      size: Type.Optional(Type.Integer({ minimum: 1, multipleOf: 2 })),
    },
    { additionalProperties: false, maxProperties: 7 },
  );
  assert.deepEqual(messagesOf(schema, {}), [
    "/a~1b~0c is required",
    "/list is required",
    "/choice is required",
    "/fixed is required",
    "/level is required",
  ]);
  const wrong = {
    "a/b~c": 1.5,
    list: [{ on: 1 }, {}, { on: true }],
    choice: 6,
    fixed: "y",
    level: 1,
    size: -1,
    x: 1,
    y: 1,
  };
  assert.deepEqual(messagesOf(schema, wrong), [
    "/a~1b~0c must be integer",
    "/list/0/on must be boolean",
    "/list/1/on is required",
    "/list must not have more than 2 items",
    "/choice must be string, null, or 5",
    '/fixed must be "x"',
    '/level must be "low" or "high"',
    "/size must be >= 1",
    "/size must be multiple of 2",
    "/x is not known",
    "/y is not known",
    " must not have more than 7 properties",
  ]);
});

test("a schema that refers to itself is looked at as a whole", () => {
  const schema = Type.Cyclic(
    { Node: Type.Object({ name: Type.String(), next: Type.Optional(Type.Ref("Node")) }) },
    "Node",
  );
  assert.equal(checkerOf(schema).Check({ name: "a", next: { name: "b" } }), true);
  assert.deepEqual(messagesOf(schema, { name: "a", next: { name: 5 } }), ["/next/name must be string"]);
});

test("what the checker refuses has a problem, with its place and its words", () => {
  const schema = Type.Object(
    {
      a: Type.Optional(Type.Array(Type.Union([Type.Integer({ minimum: 0 }), Type.Object({ b: Type.String() })]))),
      b: Type.Record(Type.String({ pattern: "^[a-c]$" }), Type.Integer()),
      c: Type.Optional(Type.Intersect([Type.Object({ a: Type.Integer() }), Type.Object({ b: Type.Boolean() })])),
      toString: Type.Optional(Type.Tuple([Type.Integer(), Type.String()])),
    },
    { additionalProperties: false },
  );
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const leaves = [0, -1, 1.5, "", "a", true, null];
  const make = (depth: number): unknown => {
    const kind = depth === 0 ? 0 : random(3);
    if (kind === 0) return leaves[random(leaves.length)];
    if (kind === 1) return Array.from({ length: random(3) }, () => make(depth - 1));
    const names = ["a", "b", "c", "toString", "__proto__"];
    return JSON.parse(
      `{${names
        .filter(() => random(3) === 0)
        .map((name) => `"${name}":${JSON.stringify(make(depth - 1))}`)
        .join(",")}}`,
    );
  };
  let refused = 0;
  for (let round = 0; round < 3_000; round++) {
    const value = make(4);
    if (checkerOf(schema).Check(value)) continue;
    refused++;
    const problems = findProblems(schema, value, "content");
    assert.ok(problems.length > 0 && problems.length <= MAX_PROBLEMS, JSON.stringify(value));
    for (const { pointer, message } of problems) assert.ok(message !== "" && /^(\/[^/]*)*$/.test(pointer), pointer);
  }
  assert.ok(refused > 1_000);
});

test("a long list with an item twice, or too long a list, is one problem, found without comparing each with each", () => {
  const list = Array.from({ length: 250_000 }, (_, index) => String(index % 200_000));
  const schema = { type: "array", items: { type: "string" }, uniqueItems: true };
  const startedMs = performance.now();
  assert.deepEqual(findProblems(schema, list, "content"), [
    { in: "content", pointer: "", message: "must not have an item twice" },
  ]);
  const { items: _, ...anyItems } = schema;
  assert.deepEqual(findProblems({ ...anyItems, maxItems: 10 }, list, "content"), [
    { in: "content", pointer: "", message: "must not have more than 10 items" },
    { in: "content", pointer: "", message: "must not have an item twice" },
  ]);
  // It took nine seconds.
  assert.ok(performance.now() - startedMs < 4_000);
});
