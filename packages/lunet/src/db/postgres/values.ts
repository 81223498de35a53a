/**
 * Values on their way to PostgreSQL and back.
 *
 * All results come in text format, https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES,
 * written as the session's settings say: `SESSION` in `connect.ts` has those that matter here.
 */
import type { Binding, BoundValue } from "../parameters.ts";

/**
 * Nothing is turned into another type: a value is sent as text and the server takes it for the type that the statement
 * needs. PostgreSQL holds no U+0000 in a text.
 */
export const POSTGRES_BINDING: Binding = {
  hasNulInText: false,
  integer: (value) => value,
  boolean: (value) => value,
  time: (iso) => iso,
};

/** A value as `pg` sends it: text, or bytes in binary format. */
export function toWire(value: BoundValue): string | Buffer | null {
  switch (typeof value) {
    case "string":
      return value;
    case "object":
      return value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    default:
      return String(value);
  }
}

/** Reads a value from the server's text; undefined where the text is the value. */
export type ValueParser = (text: string) => unknown;

/** By the type's OID, which for those built in never changes: https://github.com/postgres/postgres, pg_type.dat. */
const PARSERS: ReadonlyMap<number, ValueParser> = new Map<number, ValueParser>([
  [16, (text) => text === "t"], // bool
  [17, parseBytes], // bytea
  [20, parseInteger], // int8
  [21, Number], // int2
  [23, Number], // int4
  [26, Number], // oid
  [700, Number], // float4
  [701, Number], // float8
  [1114, parseTimestamp], // timestamp
  [1184, parseTimestamp], // timestamptz
]);

/** The parser of a type; undefined for all that are given as the server's text, numeric and json among them. */
export function parserOf(typeOid: number): ValueParser | undefined {
  return PARSERS.get(typeOid);
}

function parseInteger(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** The bytes are the caller's alone, so they are no part of Node's pool of buffers. */
function parseBytes(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length - 2) / 2);
  Buffer.from(bytes.buffer).write(text.slice(2), "hex");
  return bytes;
}

/**
 * A point in time in ISO 8601 with milliseconds. Microseconds are cut off. What has no such form stays the server's
 * text: `infinity`, years of more than four digits or before Christ, and any time zone but UTC, should a statement have set one.
 */
function parseTimestamp(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/.exec(text);
  if (match === null) return text;
  return `${match[1]}T${match[2]}.${(match[3] ?? "").slice(0, 3).padEnd(3, "0")}Z`;
}
