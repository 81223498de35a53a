/**
 * Values out of text, for parameters of the path and names in the query, by their schemas: a schema for a number takes digits,
 * one for a boolean `true` or `false`, one for a list each value of a repeated name. Text that is no such value is left
 * as it is, so that the check refuses it by its name.
 */
import type { TSchema } from "typebox";
import { NamedValues } from "../named-values.ts";
import { copyOf } from "./defaults.ts";
import { InvalidRequestError } from "./invalid-request.ts";
import { checkerOf, hasKeyword, pointerPart, type Checker, type JsonSchema } from "./json-schema.ts";
import { findProblems, type Problem } from "./problems.ts";

const INTEGER = /^-?\d{1,16}$/;
const NUMBER = /^-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?$/;

type Coerce = (text: string) => unknown;

interface Field {
  /** Text into a value; of a list, into one of its values. */
  readonly coerce: Coerce;
  readonly isList: boolean;
}

/** Reads and checks the values of one place: the path or the query. It is made once for a route. */
export class TextReader {
  readonly #schema: JsonSchema;
  readonly #where: Problem["in"];
  readonly #checker: Checker;
  readonly #fields = new Map<string, Field>();
  /** Every value is text, and a list of them is none. */
  readonly #isText: boolean;
  /** Unknown names are read too, for the check to refuse or to take. */
  readonly #takesOthers: boolean;
  readonly #defaults: ReadonlyArray<readonly [name: string, value: unknown]>;
  /** Lists that have to be there, and are empty when their name is not. */
  readonly #lists: readonly string[];

  constructor(schema: JsonSchema, where: Problem["in"]) {
    const { properties = {}, required = [], additionalProperties } = schema;
    this.#schema = schema;
    this.#where = where;
    this.#checker = checkerOf(schema);
    for (const [name, one] of Object.entries(properties)) this.#fields.set(name, fieldOf(one));
    this.#isText = this.#fields.values().every(({ coerce, isList }) => coerce === asText && !isList);
    this.#takesOthers = additionalProperties !== undefined && additionalProperties !== true;
    this.#defaults = Object.entries(properties)
      .filter(([, one]) => one.default !== undefined)
      .map(([name, one]) => [name, one.default]);
    this.#lists = required.filter((name) => this.#fields.get(name)?.isList === true);
  }

  /**
   * Reads parameters of a path, each of which is there once.
   *
   * @throws InvalidRequestError
   */
  readParams(params: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
    let values: Readonly<Record<string, unknown>> = params;
    if (!this.#isText) {
      const read = new NamedValues();
      for (const name in params) {
        const text = params[name] as string;
        read[name] = this.#fields.get(name)?.coerce(text) ?? text;
      }
      values = read;
    }
    if (this.#checker.Check(values)) return values;
    throw new InvalidRequestError(findProblems(this.#schema, values, this.#where));
  }

  /**
   * Reads the pairs of a query, in which a name may be missing or stand several times.
   *
   * @throws InvalidRequestError
   */
  readPairs(pairs: Iterable<readonly [name: string, text: string]>): Record<string, unknown> {
    const values = new NamedValues();
    let repeated: string[] | undefined;
    for (const [name, text] of pairs) {
      const field = this.#fields.get(name);
      if (field === undefined) {
        if (this.#takesOthers) values[name] = text;
      } else if (field.isList) {
        const list = values[name] as unknown[] | undefined;
        if (list === undefined) values[name] = [field.coerce(text)];
        else list.push(field.coerce(text));
      } else if (values[name] === undefined) values[name] = field.coerce(text);
      else (repeated ??= []).push(name);
    }
    for (const [name, value] of this.#defaults) if (values[name] === undefined) values[name] = copyOf(value);
    for (const name of this.#lists) values[name] ??= [];
    if (repeated === undefined && this.#checker.Check(values)) return values;
    throw this.#invalid(values, repeated ?? []);
  }

  #invalid(values: Record<string, unknown>, repeated: readonly string[]): InvalidRequestError {
    const twice = [...new Set(repeated)].map((name) => ({
      in: this.#where,
      pointer: pointerPart(name),
      message: "must be there once",
    }));
    const others = this.#checker.Check(values) ? [] : findProblems(this.#schema, values, this.#where);
    return new InvalidRequestError([...twice, ...others]);
  }
}

/** The schema of a path's parameters, or undefined when all of them are any text. */
export function paramsSchema(schemas: Readonly<Record<string, TSchema>>): JsonSchema | undefined {
  const names = Object.keys(schemas);
  if (names.length === 0) return undefined;
  // Those without a schema are text, which needs no check.
  return { type: "object", required: names, properties: schemas, additionalProperties: {} };
}

function fieldOf(schema: JsonSchema): Field {
  const isList = schema.type === "array";
  const { items } = schema;
  const item = isList && typeof items === "object" && !Array.isArray(items) ? (items as JsonSchema) : schema;
  return { coerce: coercerOf(item), isList };
}

const asText: Coerce = (text) => text;

function asInteger(text: string): unknown {
  const value = INTEGER.test(text) ? Number(text) : undefined;
  return Number.isSafeInteger(value) ? value : text;
}

function asNumber(text: string): unknown {
  const value = NUMBER.test(text) ? Number(text) : undefined;
  return Number.isFinite(value) ? value : text;
}

function asBoolean(text: string): unknown {
  return text === "true" ? true : text === "false" ? false : text;
}

function coercerOf(schema: JsonSchema): Coerce {
  const choices = schema.anyOf ?? schema.oneOf ?? schema.enum?.map((one): JsonSchema => ({ const: one }));
  if (choices !== undefined && !hasKeyword(choices, "$ref")) return choiceCoercer(choices);
  const type = schema.const === undefined ? schema.type : typeof schema.const;
  if (type === "integer") return asInteger;
  if (type === "number") return asNumber;
  return type === "boolean" ? asBoolean : asText;
}

/** The first choice that takes the text decides. */
function choiceCoercer(choices: readonly JsonSchema[]): Coerce {
  const options = choices.map((one) => ({ coerce: coercerOf(one), checker: checkerOf(one) }));
  return (text) => {
    for (const { coerce, checker } of options) {
      const value = coerce(text);
      if (checker.Check(value)) return value;
    }
    return text;
  };
}
