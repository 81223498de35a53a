import assert from "node:assert/strict";
import { test } from "node:test";
import { Type, type TSchema } from "typebox";
import { compileSerializer, generalSerializer } from "./reply-content.ts";

const Row = Type.Object({ id: Type.Integer(), name: Type.Union([Type.String(), Type.Null()]) });
const optional = Type.Optional(Type.Integer());

/** Schema, value, and what is said; as JSON.stringify says it. */
const CASES: ReadonlyArray<readonly [schema: TSchema, value: unknown, said?: unknown]> = [
  [Type.String(), "plain"],
  [Type.String(), ""],
  [Type.String(), 'a "quote" \\ and \n\u0000\u001f\u007f\u2028'],
  [Type.String(), `${"long ".repeat(20)}"\n`],
  [Type.String(), "日本\u{1f600} \ud800 lone"],
  [Type.Number(), -0],
  [Type.Number(), 1.5e300],
  [Type.Integer(), 2 ** 53],
  [Type.Boolean(), false],
  [Type.Null(), null],
  [Type.Literal("a\"'"), "a\"'"],
  [Type.Literal(5), 5],
  [Type.Union([Type.Literal("a"), Type.Literal("b")]), "b"],
  [Type.Union([Type.Integer(), Type.String()]), "5"],
  [Row, { id: 1, name: null, secret: "s" }, { id: 1, name: null }],
  [Row, Object.assign(Object.create({ id: 7 }) as object, { name: "n", id: 1 }), { id: 1, name: "n" }],
  [
    Type.Array(Row),
    [
      { id: 1, name: "a", x: 1 },
      { id: 2, name: null },
    ],
    [
      { id: 1, name: "a" },
      { id: 2, name: null },
    ],
  ],
  [Type.Array(Type.Array(Type.Integer())), [[], [1], [1, 2]]],
  [Type.Object({}), { a: 1 }, {}],
  [Type.Object({ a: optional, b: optional }), {}],
  [Type.Object({ a: optional, b: optional }), { b: 2, a: undefined }, { b: 2 }],
  [Type.Object({ a: optional, b: Type.Integer(), c: optional }), { b: 2 }],
  [Type.Object({ a: optional, b: Type.Integer(), c: optional }), { a: 1, b: 2, c: 3 }],
  [
    Type.Object({ "a-b": Type.Integer(), 'q"': Type.Integer(), "\u2028": Type.Integer() }),
    { "a-b": 1, 'q"': 2, "\u2028": 3 },
  ],
  [Type.Object({ constructor: Type.Optional(Type.String()), a: Type.Integer() }), { a: 1 }],
  [Type.Object({ a: Type.Integer() }, { additionalProperties: true }), { a: 1, b: { c: 2 } }],
  [
    Type.Object({ a: Type.Integer() }, { additionalProperties: Row }),
    { a: 1, b: { id: 1, name: "n", x: 1 } },
    { a: 1, b: { id: 1, name: "n" } },
  ],
  [Type.Record(Type.String(), Row), { x: { id: 1, name: null, y: 1 } }, { x: { id: 1, name: null } }],
  [
    Type.Intersect([Row, Type.Object({ a: Type.Integer() })]),
    { id: 1, name: "n", a: 1, b: 2 },
    { id: 1, name: "n", a: 1 },
  ],
  [
    Type.Union([Type.Object({ kind: Type.Literal("a"), a: Type.Integer() }), Type.Object({ kind: Type.Literal("b") })]),
    { kind: "b", a: 1 },
    { kind: "b" },
  ],
  [Type.Union([Row, Type.Null()]), { id: 1, name: "n", x: 1 }, { id: 1, name: "n" }],
  [Type.Tuple([Type.Integer(), Row]), [1, { id: 1, name: "n", x: 1 }], [1, { id: 1, name: "n" }]],
  [Type.Unknown(), { any: [1, "x"] }],
  [Type.Enum(["x", "y"]), "y"],
];

test("what a schema has is said as JSON.stringify says it, and nothing else", () => {
  for (const [schema, value, said = value] of CASES) {
    const wanted = JSON.stringify(said);
    for (const serializer of [compileSerializer, generalSerializer]) {
      // The order of members is the schema's in the one and the value's in the other.
      const text = serializer(schema)(value);
      const message = `${serializer.name} of ${JSON.stringify(schema)}`;
      if (text !== wanted) assert.deepEqual(JSON.parse(text), JSON.parse(wanted), message);
      assert.equal(text.length, wanted.length, message);
    }
  }
});

test("a value of another type is refused, by its place", () => {
  const schema = Type.Object({ rows: Type.Array(Row), ok: Type.Boolean(), kind: Type.Literal("k") });
  const good = { rows: [{ id: 1, name: "n" }], ok: true, kind: "k" };
  const cases: ReadonlyArray<readonly [value: unknown, place: RegExp]> = [
    [null, /at ""/],
    [[], /at ""/],
    [{ ...good, rows: {} }, /"\/rows"/],
    [{ ...good, rows: [{ id: 1.5, name: "n" }] }, /"\/rows\/(\*|0)\/id"/],
    [{ ...good, rows: [{ id: "1", name: "n" }] }, /"\/rows\/(\*|0)\/id"/],
    [{ ...good, rows: [{ id: 1 }] }, /"\/rows\/(\*|0)\/name"/],
    [{ ...good, rows: [undefined] }, /"\/rows\/(\*|0)"/],
    [{ ...good, ok: 1 }, /"\/ok"/],
    [{ ...good, kind: "j" }, /"\/kind"/],
  ];
  for (const serializer of [compileSerializer, generalSerializer]) {
    assert.equal(serializer(schema)(good), JSON.stringify(good));
    for (const [value, place] of cases) assert.throws(() => serializer(schema)(value), place);
    for (const value of [NaN, Infinity, "1", 1n]) assert.throws(() => serializer(Type.Number())(value), TypeError);
    assert.throws(() => serializer({})(undefined), TypeError);
  }
});

test("a schema that refers to another has no serializer", () => {
  assert.throws(() => compileSerializer({ type: "array", items: { $ref: "Other" } }), /found "\$ref"/);
});

test("names and constants in a schema are no code", () => {
  const name = `"]; throw new Error("run"); //`;
  const schema = Type.Object({ [name]: Type.Literal('"; throw new Error("run"); //') });
  const value = { [name]: '"; throw new Error("run"); //' };
  assert.equal(compileSerializer(schema)(value), JSON.stringify(value));
});

const member = { type: "object", properties: { a: { type: "string" } } };

/** Ways to write a schema that has the member `a` alone, whatever else it says. */
const HAS_ONLY_A: ReadonlyArray<readonly [what: string, schema: TSchema]> = [
  ["a type among several", { ...member, type: ["object", "null"] }],
  ["no type", { properties: member.properties }],
  ["a choice beside its members", { ...member, anyOf: [{ required: ["a"] }, { required: ["z"] }] }],
  ["one choice alone", { anyOf: [member] }],
  ["a condition beside its members", { ...member, allOf: [{ required: ["a"] }] }],
  ["members in two parts", { properties: {}, allOf: [{ minProperties: 1 }, member] }],
  ["a reference to nothing it has", { ...member, not: { required: ["z"] } }],
];

for (const [what, schema] of HAS_ONLY_A) {
  test(`what is not declared is left out of a schema with ${what}, in lists and members too`, () => {
    const row = { a: "x", secret: "s" };
    for (const serializer of [compileSerializer, generalSerializer]) {
      assert.equal(serializer(schema)(row), '{"a":"x"}');
      assert.equal(serializer({ type: "array", items: schema })([row]), '[{"a":"x"}]');
      assert.equal(serializer({ type: ["array", "null"], items: schema })([row]), '[{"a":"x"}]');
      assert.equal(
        serializer({ type: "object", properties: { row: schema } })({ row, secret: 1 }),
        '{"row":{"a":"x"}}',
      );
    }
  });
}

test("of the choices that a value fits, the one that declares most of it is meant, and behind a tuple nothing is sent", () => {
  const short = Type.Object({ id: Type.Integer() });
  const long = Type.Object({ id: Type.Integer(), name: Type.String() });
  for (const serializer of [compileSerializer, generalSerializer]) {
    assert.equal(serializer(Type.Union([short, long]))({ id: 1, name: "n", x: 1 }), '{"id":1,"name":"n"}');
    assert.equal(serializer(Type.Tuple([Type.Integer()]))([1, "secret"]), "[1]");
    assert.throws(() => serializer(Type.Union([Type.String()]))(null), TypeError);
  }
});
