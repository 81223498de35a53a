/** What is wrong with a value, for people: every field that is, by its JSON pointer, in words. */
import { Errors } from "typebox/schema";
import { checkerOf, hasKeyword, isObject, pointerPart, type JsonSchema } from "./json-schema.ts";

/** One thing that is wrong with a request. */
export interface Problem {
  readonly in: "path" | "query" | "content";
  /** The field, as a JSON pointer (RFC 6901): `"/comment/tags/0"`; empty for the whole. */
  readonly pointer: string;
  /** In English, behind the name of the field: `"must be string"`. */
  readonly message: string;
}

/** More are not looked for: whoever has mended a hundred may ask again. */
export const MAX_PROBLEMS = 100;

/**
 * The problems of a value that its schema refuses: at least one, and at most `MAX_PROBLEMS`. Members of objects and lists are
 * looked at one by one, so that each field is named.
 */
export function findProblems(schema: JsonSchema, value: unknown, where: Problem["in"]): Problem[] {
  const problems: Problem[] = [];
  // Where a schema refers to others its parts cannot be looked at without the whole.
  if (hasKeyword(schema, "$ref")) addAll(schema, value, "", problems, where);
  else find(schema, value, "", problems, where);
  if (problems.length === 0) problems.push({ in: where, pointer: "", message: "must match its schema" });
  return problems;
}

function find(schema: JsonSchema, value: unknown, pointer: string, problems: Problem[], where: Problem["in"]): void {
  if (problems.length >= MAX_PROBLEMS || checkerOf(schema).Check(value)) return;
  const add = (at: string, message: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push({ in: where, pointer: at, message });
  };
  const { maxItems = Infinity, uniqueItems, ...rest } = schema;
  const { properties, required = [], additionalProperties, items, ...others } = rest;
  // The checker names every pair of items that are the same, and takes seconds for it.
  const addListProblems = (list: readonly unknown[]): void => {
    if (list.length > maxItems) add(pointer, `must not have more than ${maxItems} items`);
    if (uniqueItems === true && hasTwice(list)) add(pointer, "must not have an item twice");
  };
  if (properties !== undefined && isObject(value)) {
    for (const name of required) if (value[name] === undefined) add(pointer + pointerPart(name), "is required");
    for (const [name, one] of Object.entries(properties)) {
      if (value[name] !== undefined) find(one, value[name], pointer + pointerPart(name), problems, where);
    }
    if (additionalProperties === false && others.patternProperties === undefined) {
      for (const name of Object.keys(value)) {
        if (!Object.hasOwn(properties, name)) add(pointer + pointerPart(name), "is not known");
      }
    }
    addAll(others, value, pointer, problems, where);
  } else if (isObject(items) && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      find(items, item, pointer + pointerPart(index), problems, where);
      if (problems.length >= MAX_PROBLEMS) break;
    }
    addListProblems(value);
    addAll(others, value, pointer, problems, where);
  } else if (schema.anyOf !== undefined || schema.oneOf !== undefined) {
    add(pointer, choiceMessage(schema.anyOf ?? schema.oneOf ?? []));
  } else if (schema.const !== undefined) add(pointer, `must be ${JSON.stringify(schema.const)}`);
  else if (schema.enum !== undefined) add(pointer, choiceMessage(schema.enum.map((one) => ({ const: one }))));
  else {
    if (Array.isArray(value)) addListProblems(value);
    addAll(rest, value, pointer, problems, where);
  }
}

function hasTwice(list: readonly unknown[]): boolean {
  return new Set(list.map((item) => JSON.stringify(item))).size < list.length;
}

/** What the checker itself says. */
function addAll(schema: JsonSchema, value: unknown, pointer: string, problems: Problem[], where: Problem["in"]): void {
  const [, errors] = Errors(schema as {}, value);
  for (const { instancePath, message } of errors) {
    if (problems.length < MAX_PROBLEMS) problems.push({ in: where, pointer: pointer + instancePath, message });
  }
}

function choiceMessage(choices: readonly JsonSchema[]): string {
  const words = choices.map((one) => {
    if (one.const !== undefined) return JSON.stringify(one.const);
    return typeof one.type === "string" ? one.type : "something else";
  });
  return `must be ${new Intl.ListFormat("en", { type: "disjunction" }).format(new Set(words))}`;
}
