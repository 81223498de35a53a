/** Checks the values that are to be bound, before anything runs. */
import type { Param } from "./contract.ts";
import { quoteSql } from "./errors.ts";

/** A value as a driver binds it: integers are bigints, so that the database stores an integer and no float. */
export type BoundValue = string | number | bigint | null | Uint8Array;

/** The integers that a database's 64 bits hold. */
const MAX_INTEGER = 2n ** 63n - 1n;
const MIN_INTEGER = -(2n ** 63n);

/**
 * Gives the values to bind for the `parameterCount` parameters of `sql`. Bytes are copied, so that changing them
 * later changes nothing.
 *
 * @throws TypeError for a wrong number of values, a value of no `Param` type, NaN or Infinity, or text that is not well-formed
 *   Unicode; RangeError for an integer of more than 64 bits. The message names the place, never the value.
 */
export function bindParameters(sql: string, parameterCount: number, params: readonly Param[]): BoundValue[] {
  if (!Array.isArray(params)) {
    throw new TypeError(`Cannot bind parameters to ${quoteSql(sql)}: found ${typeof params}, wanted an array`);
  }
  if (params.length !== parameterCount) {
    throw new TypeError(
      `Cannot bind parameters to ${quoteSql(sql)}: found ${params.length} values, wanted ${parameterCount}`,
    );
  }
  const bound: BoundValue[] = [];
  for (let i = 0; i < parameterCount; i++) bound.push(bind(sql, i, params[i]));
  return bound;
}

function bind(sql: string, index: number, value: unknown): BoundValue {
  const refuse = (found: string, wanted: string): string =>
    `Cannot bind parameter ${index + 1} of ${quoteSql(sql)}: found ${found}, wanted ${wanted}`;
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw new TypeError(refuse("a lone surrogate", "well-formed Unicode"));
      return value;
    case "number":
      if (Number.isSafeInteger(value)) return Object.is(value, -0) ? value : BigInt(value);
      if (!Number.isFinite(value)) throw new TypeError(refuse(String(value), "a finite number"));
      return value;
    case "bigint":
      if (value > MAX_INTEGER || value < MIN_INTEGER) {
        throw new RangeError(refuse("a bigint of more than 64 bits", "one between -2^63 and 2^63 - 1"));
      }
      return value;
    case "boolean":
      return value ? 1n : 0n;
    case "object":
      if (value === null) return null;
      if (value instanceof Uint8Array) return new Uint8Array(value);
      break;
    default:
      break;
  }
  const found = typeof value === "object" ? (value?.constructor?.name ?? "object") : typeof value;
  throw new TypeError(refuse(found, "a string, number, bigint, boolean, null or Uint8Array"));
}
