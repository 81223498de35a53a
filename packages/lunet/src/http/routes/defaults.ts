/** Members that are not there and have a default. */
import { isObject, type JsonSchema } from "./json-schema.ts";

/** Puts the defaults of a schema into a value that nobody else has: of members of objects, at any depth. */
export function addDefaults(schema: JsonSchema, value: unknown): void {
  const { properties, items } = schema;
  if (properties !== undefined && isObject(value)) {
    const members = value as Record<string, unknown>;
    for (const [name, one] of Object.entries(properties)) {
      const isMissing = !Object.hasOwn(members, name);
      if (!isMissing) addDefaults(one, members[name]);
      else if (one.default !== undefined) members[name] = copyOf(one.default);
    }
  } else if (isObject(items) && Array.isArray(value)) for (const item of value) addDefaults(items, item);
}

/** A default as a value of its own, which its owner may change. */
export function copyOf(value: unknown): unknown {
  return typeof value === "object" && value !== null ? structuredClone(value) : value;
}
