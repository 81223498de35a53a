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
    if (schema.anyOf !== undefined) return this.#choice(schema.anyOf, schema, value, pointer);
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

/** A copy of a value with what its schema has. */
function pick(schema: JsonSchema, value: unknown, pointer: string): unknown {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) {
    const choice = choices.find((one) => checkerOf(one).Check(value));
    return choice === undefined ? mismatch(value, pointer, "one of the choices") : pick(choice, value, pointer);
  }
  if (schema.allOf !== undefined && isObject(value)) {
    return Object.assign({}, ...schema.allOf.map((one) => pick(one, value, pointer))) as unknown;
  }
  if (schema.type === "object" && isObject(value)) return pickMembers(schema, value, pointer);
  if (schema.type === "array" && Array.isArray(value)) {
    return value.map((item: unknown, index) => pick(itemSchema(schema, index), item, pointer + pointerPart(index)));
  }
  return checkerOf(schema).Check(value) ? value : mismatch(value, pointer, String(schema.type ?? "its schema"));
}

function itemSchema({ items, prefixItems }: JsonSchema, index: number): JsonSchema {
  const tuple = prefixItems ?? (Array.isArray(items) ? (items as readonly JsonSchema[]) : []);
  return tuple[index] ?? (isObject(items) ? items : {});
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
