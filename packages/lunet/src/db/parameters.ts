/** Checks the values that are to be bound, before anything runs. */
import type { Param } from "./contract.ts";
import { quoteSql } from "./errors.ts";

/** A value as a driver binds it. */
export type BoundValue = string | number | bigint | boolean | null | Uint8Array;

/** What SQLite binds: it has no truth values. */
export type SqliteValue = Exclude<BoundValue, boolean>;

/** How a database wants its values. `T` are those that come of integers and of truth values. */
export interface Binding<T extends BoundValue = BoundValue> {
  /** The database can hold U+0000 in a text. */
  readonly hasNulInText: boolean;
  /** Turns safe integers into what the database stores as an integer, and truth values into what it has for them. */
  readonly integer: (value: number) => T;
  readonly boolean: (value: boolean) => T;
  /** Turns a point in time, `2026-01-31T12:00:00.000Z`, into the text that the database takes for it. */
  readonly time: (iso: string) => string;
}

/** Integers are bigints, so that an integer is stored and no float; truth values are 1 and 0. */
export const SQLITE_BINDING: Binding<bigint> = {
  hasNulInText: true,
  integer: BigInt,
  boolean: (value) => (value ? 1n : 0n),
  time: (iso) => iso,
};

/** The integers that a database's 64 bits hold. */
const MAX_INTEGER = 2n ** 63n - 1n;
const MIN_INTEGER = -(2n ** 63n);

/**
 * Gives the values to bind for the `parameterCount` parameters of `sql`. Bytes are copied, so that changing them
 * later changes nothing.
 *
 * @throws TypeError for a wrong number of values, a value of no `Param` type, NaN or Infinity, text that is not well-formed
 *   Unicode, or text with U+0000 where the database cannot hold it; RangeError for an integer of more than 64 bits, or a Date that ISO 8601
 *   has no four digits for. The message names the place, never the value.
 */
export function bindParameters<T extends BoundValue>(
  sql: string,
  parameterCount: number,
  params: readonly Param[],
  binding: Binding<T>,
): (SqliteValue | T)[] {
  if (!Array.isArray(params)) {
    throw new TypeError(`Cannot bind parameters to ${quoteSql(sql)}: found ${typeof params}, wanted an array`);
  }
  if (params.length !== parameterCount) {
    throw new TypeError(
      `Cannot bind parameters to ${quoteSql(sql)}: found ${params.length} values, wanted ${parameterCount}`,
    );
  }
  const bound: (SqliteValue | T)[] = [];
  for (let i = 0; i < parameterCount; i++) bound.push(bind(sql, i, params[i], binding));
  return bound;
}

function bind<T extends BoundValue>(sql: string, index: number, value: unknown, binding: Binding<T>): SqliteValue | T {
  const refuse = (found: string, wanted: string): string =>
    `Cannot bind parameter ${index + 1} of ${quoteSql(sql)}: found ${found}, wanted ${wanted}`;
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw new TypeError(refuse("a lone surrogate", "well-formed Unicode"));
      if (!binding.hasNulInText && value.includes("\0")) throw new TypeError(refuse("U+0000", "text without it"));
      return value;
    case "number":
      if (Number.isSafeInteger(value)) return Object.is(value, -0) ? value : binding.integer(value);
      if (!Number.isFinite(value)) throw new TypeError(refuse(String(value), "a finite number"));
      return value;
    case "bigint":
      if (value > MAX_INTEGER || value < MIN_INTEGER) {
        throw new RangeError(refuse("a bigint of more than 64 bits", "one between -2^63 and 2^63 - 1"));
      }
      return value;
    case "boolean":
      return binding.boolean(value);
    case "object":
      if (value === null) return null;
      if (value instanceof Uint8Array) return new Uint8Array(value);
      if (value instanceof Date) {
        if (!isInCalendar(value))
          throw new RangeError(refuse("a Date without a time, or outside the years 0 to 9999", "one within"));
        return binding.time(value.toISOString());
      }
      break;
    default:
      break;
  }
  const found = typeof value === "object" ? (value?.constructor?.name ?? "object") : typeof value;
  throw new TypeError(refuse(found, "a string, number, bigint, boolean, null, Uint8Array or Date"));
}

/** ISO 8601 has four digits for its year, and databases take no more. An invalid Date has none. */
function isInCalendar(value: Date): boolean {
  const year = value.getUTCFullYear();
  return year >= 0 && year <= 9_999;
}
