/** JSON Schema (draft 2020-12) as far as routes look into it; TypeBox's schemas are plain JSON Schema. */
import { Compile } from "typebox/schema";

/** The keywords that are read here. Whatever else stands in a schema is the checker's. */
export interface JsonSchema {
  readonly $id?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema | boolean | readonly JsonSchema[];
  readonly prefixItems?: readonly JsonSchema[];
  readonly additionalItems?: boolean | JsonSchema;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** A compiled schema. */
export interface Checker {
  /** Whether the schema accepts a value. */
  Check(value: unknown): boolean;
}

const checkers = new WeakMap<object, Checker>();

/** The compiled schema. It is compiled once, at its first use. */
export function checkerOf(schema: JsonSchema): Checker {
  let checker = checkers.get(schema);
  // Its type is for schemas that are known when the program is compiled.
  if (checker === undefined) checkers.set(schema, (checker = Compile(schema as {})));
  return checker;
}

/** Whether a value is what JSON calls an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a schema, or one within it, has the keyword. */
export function hasKeyword(schema: unknown, keyword: "$ref" | "default"): boolean {
  if (Array.isArray(schema)) return schema.some((one) => hasKeyword(one, keyword));
  if (!isObject(schema)) return false;
  if (Object.hasOwn(schema, keyword) && (keyword !== "$ref" || typeof schema[keyword] === "string")) return true;
  return Object.values(schema).some((one) => hasKeyword(one, keyword));
}

/** A name as a part of a JSON pointer (RFC 6901). */
export function pointerPart(name: string | number): string {
  return `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
