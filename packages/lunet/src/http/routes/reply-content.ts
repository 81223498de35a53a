/**
 * The content of replies as JSON, by schema: what the schema does not have is left out, so that a row of the database cannot
 * tell more than was declared, and what is of another type is an error, not a reply.
 *
 * For the common kinds of schemas a function is generated, which costs no more than JSON.stringify without a schema; it knows
 * the names, and so neither lists nor looks them up. Everything else, and engines that generate no code
 * (`--disallow-code-generation-from-strings`), take the general way, which picks the declared members first.
 */
import type { TSchema } from "typebox";
import { checkerOf, hasKeyword, isObject, pointerPart, type JsonSchema } from "./json-schema.ts";

/** Gives the content that a value is. Throws TypeError for a value that is not what its schema says. */
export type Serialize = (value: unknown) => string;

/** Text that JSON says as it stands, when it is short; for long text the engine's own search is faster. */
// oxlint-disable-next-line eslint/no-control-regex -- JSON escapes them
const ESCAPED = /[\u0000-\u001f"\\\ud800-\udfff]/;
const LONG_TEXT = 48;
/** Keywords that the generated code does not know. */
const GENERAL_KEYWORDS = [
  "$dynamicRef",
  "additionalItems",
  "allOf",
  "oneOf",
  "not",
  "if",
  "enum",
  "patternProperties",
  "prefixItems",
  "dependentSchemas",
];

/**
 * Makes the serializer of a schema, once: it says what the schema has as JSON, and leaves out everything else. Typed routes
 * have it by themselves; it is for other replies that are sent often.
 *
 * @throws TypeError for a schema with `$ref`, whose members cannot be known.
 * @example
 * ```ts
 * import { jsonText } from "lunet/http";
 * import { compileSerializer } from "lunet/http/routes";
 * import { Type } from "typebox";
 * const serialize = compileSerializer(Type.Object({ name: Type.String() }));
 * const row = { name: "ada", password_hash: "secret" };
 * console.log(jsonText(serialize(row)).content); // {"name":"ada"}
 * ```
 */
export function compileSerializer(schema: TSchema): Serialize {
  if (hasKeyword(schema, "$ref"))
    throw new TypeError('Cannot serialize by a schema: found "$ref", wanted it in one piece');
  const generator = new Generator();
  const body = `let o = ""; ${generator.code(schema, "value", "")} return o;`;
  const parts = [textOf, numberOf, integerOf, mismatch, generator.others] as const;
  try {
    // All that stands in the code of the program's schemas is names and constants, each as JSON.
    // oxlint-disable-next-line typescript/no-implied-eval -- this is what makes it fast
    return new Function("textOf", "numberOf", "integerOf", "mismatch", "others", `return (value) => { ${body} };`)(
      ...parts,
    ) as Serialize;
  } catch (error) {
    if (error instanceof EvalError) return generalSerializer(schema);
    throw error;
  }
}

/** The serializer that takes any schema, without code of its own. */
export function generalSerializer(schema: JsonSchema): Serialize {
  return (value) => generalText(schema, value, "");
}

/** Code that adds a value to `o`. */
class Generator {
  /** What the code calls for schemas that it does not know. */
  readonly others: Serialize[] = [];
  #names = 0;

  code(schema: JsonSchema, value: string, pointer: string): string {
    const at = JSON.stringify(pointer);
    if (GENERAL_KEYWORDS.some((keyword) => Object.hasOwn(schema, keyword))) return this.#other(schema, value, pointer);
    if (schema.anyOf !== undefined) {
      // What stands beside the choices holds for all of them.
      const isAlone = schema.type === undefined && !hasMembers(schema) && !hasItems(schema);
      return isAlone ? this.#choice(schema.anyOf, schema, value, pointer) : this.#other(schema, value, pointer);
    }
    if (schema.const !== undefined) return this.#constant(schema, value, pointer);
    switch (schema.type) {
      case "string":
        return `o += textOf(${value}, ${at});`;
      case "number":
        return `o += numberOf(${value}, ${at});`;
      case "integer":
        return `o += integerOf(${value}, ${at});`;
      case "boolean":
        return `o += ${value} === true ? "true" : ${value} === false ? "false" : mismatch(${value}, ${at}, "boolean");`;
      case "null":
        return `o += ${value} === null ? "null" : mismatch(${value}, ${at}, "null");`;
      case "array":
        return this.#list(schema, value, pointer);
      case "object":
        return this.#object(schema, value, pointer);
      default:
        return this.#other(schema, value, pointer);
    }
  }

  #other(schema: JsonSchema, value: string, pointer: string): string {
    this.others.push((one) => generalText(schema, one, pointer));
    return `o += others[${this.others.length - 1}](${value});`;
  }

  /** Something or null is common; other choices are found by the checker. */
  #choice(choices: readonly JsonSchema[], schema: JsonSchema, value: string, pointer: string): string {
    const others = choices.filter(({ type }) => type !== "null");
    const [one] = others;
    if (one === undefined || others.length !== 1) return this.#other(schema, value, pointer);
    if (choices.length === 1) return this.code(one, value, pointer);
    return `if (${value} === null) o += "null"; else { ${this.code(one, value, pointer)} }`;
  }

  #constant(schema: JsonSchema, value: string, pointer: string): string {
    const constant = schema.const;
    if (constant !== null && !["string", "number", "boolean"].includes(typeof constant)) {
      return this.#other(schema, value, pointer);
    }
    const text = JSON.stringify(constant);
    const at = JSON.stringify(pointer);
    return `o += ${value} === ${text} ? ${JSON.stringify(text)} : mismatch(${value}, ${at}, ${JSON.stringify(text)});`;
  }

  #list(schema: JsonSchema, value: string, pointer: string): string {
    const { items } = schema;
    if (!isObject(items)) return this.#other(schema, value, pointer);
    const index = this.#name();
    const item = this.#name();
    return `if (!Array.isArray(${value})) mismatch(${value}, ${JSON.stringify(pointer)}, "array");
      o += "[";
      for (let ${index} = 0; ${index} < ${value}.length; ${index}++) {
        if (${index} > 0) o += ",";
        const ${item} = ${value}[${index}];
        ${this.code(items, item, `${pointer}/*`)}
      }
      o += "]";`;
  }

  #object(schema: JsonSchema, value: string, pointer: string): string {
    const { properties = {}, required = [], additionalProperties = false } = schema;
    const names = Object.keys(properties);
    // Other members are named by the value. What every object has is no member of it.
    const isInherited = names.some((name) => name in Object.prototype);
    if (additionalProperties !== false || isInherited) return this.#other(schema, value, pointer);
    const separator = this.#name();
    const lines = [
      `if (typeof ${value} !== "object" || ${value} === null || Array.isArray(${value})) mismatch(${value}, ${JSON.stringify(pointer)}, "object");`,
    ];
    // Until a member is sure to stand there, what comes before the next one is known only when it is written.
    let isBegun = false;
    lines.push(`let ${separator} = "{";`);
    for (const name of names) {
      const member = this.#name();
      const key = JSON.stringify(`${JSON.stringify(name)}:`);
      const isRequired = required.includes(name);
      const before = isBegun ? JSON.stringify(`,${JSON.stringify(name)}:`) : `${separator} + ${key}`;
      const write = this.code(properties[name] as JsonSchema, member, pointer + pointerPart(name));
      const add = `o += ${before}; ${write} ${isBegun ? "" : `${separator} = ",";`}`;
      lines.push(`const ${member} = ${value}[${JSON.stringify(name)}];`);
      lines.push(isRequired ? add : `if (${member} !== undefined) { ${add} }`);
      isBegun ||= isRequired;
    }
    lines.push(isBegun ? `o += "}";` : `o += ${separator} === "{" ? "{}" : "}";`);
    return `{ ${lines.join("\n")} }`;
  }

  #name(): string {
    return `v${this.#names++}`;
  }
}

function textOf(value: unknown, pointer: string): string {
  if (typeof value !== "string") return mismatch(value, pointer, "string");
  return value.length > LONG_TEXT || ESCAPED.test(value) ? JSON.stringify(value) : `"${value}"`;
}

function numberOf(value: unknown, pointer: string): string {
  return Number.isFinite(value) ? String(value) : mismatch(value, pointer, "number");
}

function integerOf(value: unknown, pointer: string): string {
  return Number.isInteger(value) ? String(value) : mismatch(value, pointer, "integer");
}

function mismatch(value: unknown, pointer: string, wanted: string): never {
  const found = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  throw new TypeError(`Cannot reply: found ${found} at "${pointer}", wanted ${wanted}`);
}

function generalText(schema: JsonSchema, value: unknown, pointer: string): string {
  const text = JSON.stringify(pick(schema, value, pointer)) as string | undefined;
  return text ?? mismatch(value, pointer, "a JSON value");
}

/** A copy of a value with what its schema has: what no keyword declares is left out, whatever else the schema says. */
function pick(schema: JsonSchema, value: unknown, pointer: string): unknown {
  if (isAnything(schema)) return value;
  if (isObject(value)) return pickObject(schema, value, pointer);
  if (Array.isArray(value)) return pickList(schema, value, pointer);
  return checkerOf(schema).Check(value) ? value : mismatch(value, pointer, String(schema.type ?? "its schema"));
}

/** Words about a value, which allow nothing and forbid nothing. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  "$comment",
  "$id",
  "$schema",
  "default",
  "deprecated",
  "description",
  "examples",
  "readOnly",
  "title",
  "writeOnly",
]);

function isAnything(schema: JsonSchema): boolean {
  return Object.keys(schema).every((keyword) => ANNOTATIONS.has(keyword) || keyword.startsWith("~"));
}

function hasMembers({ properties, patternProperties, additionalProperties }: JsonSchema): boolean {
  return (properties ?? patternProperties ?? additionalProperties) !== undefined;
}

function hasItems({ items, prefixItems }: JsonSchema): boolean {
  return (items ?? prefixItems) !== undefined;
}

function allows(type: JsonSchema["type"], wanted: string): boolean {
  return type === undefined || type === wanted || (Array.isArray(type) && type.includes(wanted));
}

/** What holds beside a schema's own keywords: all of `allOf`, and the choice that a value is. */
function partsOf(schema: JsonSchema, value: unknown, pointer: string): JsonSchema[] {
  const parts = [...(schema.allOf ?? [])];
  for (const choices of [schema.anyOf, schema.oneOf]) {
    if (choices === undefined) continue;
    const fitting = choices.filter((one) => checkerOf(one).Check(value));
    const [first] = fitting;
    if (first === undefined) return mismatch(value, pointer, "one of the choices");
    // A schema accepts more members than it has, so several may fit: the one that has the most of them is meant.
    parts.push(
      fitting.reduce((best, one) => (declaredCount(one, value) > declaredCount(best, value) ? one : best), first),
    );
  }
  return parts;
}

function declaredCount({ properties = {} }: JsonSchema, value: unknown): number {
  return isObject(value) ? Object.keys(properties).filter((name) => Object.hasOwn(value, name)).length : 0;
}

function pickObject(schema: JsonSchema, value: Readonly<Record<string, unknown>>, pointer: string): unknown {
  if (!allows(schema.type, "object")) return mismatch(value, pointer, String(schema.type));
  if (schema.const !== undefined || schema.enum !== undefined) {
    return checkerOf(schema).Check(value) ? value : mismatch(value, pointer, "a constant of its schema");
  }
  const picked = partsOf(schema, value, pointer).map((one) => pick(one, value, pointer));
  return Object.assign({}, pickMembers(schema, value, pointer), ...picked) as unknown;
}

function pickList(schema: JsonSchema, value: readonly unknown[], pointer: string): unknown {
  if (!allows(schema.type, "array")) return mismatch(value, pointer, String(schema.type));
  if (schema.const !== undefined || schema.enum !== undefined) {
    return checkerOf(schema).Check(value) ? value : mismatch(value, pointer, "a constant of its schema");
  }
  const declaring = [schema, ...partsOf(schema, value, pointer)].filter(hasItems);
  const picked: unknown[] = [];
  for (const [index, item] of value.entries()) {
    const schemas = declaring.map((one) => itemSchema(one, index));
    // Behind the last item of a tuple nothing is declared.
    if (schemas.includes(undefined)) break;
    const one = schemas.length === 1 ? (schemas[0] as JsonSchema) : { allOf: schemas as JsonSchema[] };
    picked.push(schemas.length === 0 ? item : pick(one, item, pointer + pointerPart(index)));
  }
  return picked;
}

/** The schema of an item; undefined when there is to be none. */
function itemSchema({ items, prefixItems, additionalItems }: JsonSchema, index: number): JsonSchema | undefined {
  const tuple = prefixItems ?? (Array.isArray(items) ? (items as readonly JsonSchema[]) : []);
  if (index < tuple.length) return tuple[index];
  const rest = Array.isArray(items) ? additionalItems : items;
  if (rest === true) return {};
  return isObject(rest) ? rest : undefined;
}

function pickMembers(schema: JsonSchema, value: Readonly<Record<string, unknown>>, pointer: string): object {
  const { properties = {}, required = [], additionalProperties = false, patternProperties = {} } = schema;
  const patterns = Object.entries(patternProperties).map(([text, one]) => [new RegExp(text, "u"), one] as const);
  const schemaOf = (name: string): JsonSchema | undefined => {
    if (Object.hasOwn(properties, name)) return properties[name];
    const byPattern = patterns.find(([pattern]) => pattern.test(name))?.[1];
    if (byPattern !== undefined || additionalProperties === false) return byPattern;
    return additionalProperties === true ? {} : additionalProperties;
  };
  const missing = required.find((name) => !Object.hasOwn(value, name) || value[name] === undefined);
  if (missing !== undefined) mismatch(undefined, pointer + pointerPart(missing), "a value");
  const picked: Array<[string, unknown]> = [];
  for (const [name, member] of Object.entries(value)) {
    const one = member === undefined ? undefined : schemaOf(name);
    if (one !== undefined) picked.push([name, pick(one, member, pointer + pointerPart(name))]);
  }
  return Object.fromEntries(picked);
}
