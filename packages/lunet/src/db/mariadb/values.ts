/**
 * Values on their way to MariaDB and back, in the binary protocol.
 *
 * Rows are read here and not by the `mariadb` package, which gives other types (bigints for each BIGINT, arrays for SET, objects for
 * a geometry, slices of a buffer for bytes), so that each would have to be changed again. Nothing here throws: it runs
 * in the event of a socket, where nobody could catch it.
 *
 * https://mariadb.com/kb/en/resultset-row/#binary-resultset-row
 */
import type { Binding, BoundValue } from "../parameters.ts";
import type { Column, Packet } from "./library.ts";

/** The range of integers that the package sends as such; it would send others as floating point. */
const MIN_INT = -(2 ** 31);
const MAX_INT = 2 ** 31 - 2;

/**
 * How values are bound. MariaDB has no -0: it is stored as 0. Text for a DATETIME or TIMESTAMP must be without a zone,
 * `2026-01-31 12:00:00.123` or with a `T`: with the `Z` of what is read the server refuses it (`ERR_DB_TYPE`).
 */
export const MARIADB_BINDING: Binding = {
  hasNulInText: true,
  integer: (value) => (value >= MIN_INT && value <= MAX_INT ? value : BigInt(value)),
  boolean: (value) => (value ? 1 : 0),
  // MariaDB takes no "Z"; the session's time zone is UTC.
  time: (iso) => iso.slice(0, -1).replace("T", " "),
};

/** The values as the package takes them, in an array of their own. */
export function toParameters(values: readonly BoundValue[]): unknown[] {
  return values.map((value) =>
    value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value,
  );
}

/** From this size on bytes are sent by themselves, in a packet of their own for each value. */
const SEPARATE_BYTES = 16_384;
/** What a packet has beside its values, and each value beside its bytes; more than it is. */
const OVERHEAD_BYTES = 1_024;
const VALUE_OVERHEAD_BYTES = 16;
const MAX_BYTES_PER_UNIT = 3;

/** Whether values are too large for a server that takes packets of `maxBytes`. It would end the connection, often without a word. */
export function areTooBig(values: readonly BoundValue[], maxBytes: number): boolean {
  // Most are so small that counting them exactly is not worth it.
  let mostBytes = OVERHEAD_BYTES;
  for (const value of values)
    mostBytes += VALUE_OVERHEAD_BYTES + sizeOf(value, (text) => text.length * MAX_BYTES_PER_UNIT);
  if (mostBytes <= maxBytes) return false;
  let togetherBytes = OVERHEAD_BYTES;
  for (const value of values) {
    const bytes = VALUE_OVERHEAD_BYTES + sizeOf(value, (text) => Buffer.byteLength(text));
    if (!(value instanceof Uint8Array) || bytes < SEPARATE_BYTES) togetherBytes += bytes;
    else if (bytes > maxBytes) return true;
  }
  return togetherBytes > maxBytes;
}

function sizeOf(value: BoundValue, ofText: (text: string) => number): number {
  if (typeof value === "string") return ofText(value);
  return value instanceof Uint8Array ? value.byteLength : 0;
}

/** What reads a result: the names of its columns, and how a row is made of a packet. */
export interface RowShape {
  readonly names: readonly string[];
  readonly readers: readonly Reader[];
}

type Reader = (packet: Packet) => unknown;

/** How to read rows with these columns. `names` are used again when they are the same. */
export function shapeOf(columns: readonly Column[], names: readonly string[] | undefined): RowShape {
  const found = columns.map((column) => column.name());
  const isSame = names?.length === found.length && names.every((name, i) => name === found[i]);
  return { names: isSame ? names : found, readers: columns.map(readerOf) };
}

/** Reads one row of the binary protocol. */
export function readRow({ readers }: RowShape, packet: Packet): unknown[] {
  const { buf } = packet;
  // A byte that says what the packet is, then a bit for each NULL, the first two of which are of no use.
  const bits = packet.pos + 1;
  packet.pos = bits + ((readers.length + 9) >> 3);
  const row: unknown[] = [];
  for (let i = 0; i < readers.length; i++) {
    const bit = i + 2;
    const isNull = ((buf[bits + (bit >> 3)] as number) & (1 << (bit & 7))) !== 0;
    row.push(isNull ? null : (readers[i] as Reader)(packet));
  }
  return row;
}

/** Reads one row of the text protocol, in which every value is text. */
export function readTextRow({ readers }: RowShape, packet: Packet): unknown[] {
  return readers.map(() => packet.readStringLengthEncoded());
}

/** The collation of what is bytes. */
const BINARY = 63;

const readText: Reader = (packet) => packet.readStringLengthEncoded();

/** A copy: the package's buffers are shared. */
const readBytes: Reader = (packet) => {
  const size = packet.readUnsignedLength() ?? 0;
  const bytes = new Uint8Array(packet.buf.subarray(packet.pos, packet.pos + size));
  packet.pos += size;
  return bytes;
};

/** By number of type: https://mariadb.com/kb/en/resultset/#field-types. Signed and unsigned. */
const NUMBER_READERS: Readonly<Record<number, readonly [signed: Reader, unsigned: Reader]>> = {
  1: [(packet) => packet.buf.readInt8(skip(packet, 1)), (packet) => packet.buf.readUInt8(skip(packet, 1))],
  2: [(packet) => packet.buf.readInt16LE(skip(packet, 2)), (packet) => packet.buf.readUInt16LE(skip(packet, 2))],
  3: [(packet) => packet.buf.readInt32LE(skip(packet, 4)), (packet) => packet.buf.readUInt32LE(skip(packet, 4))],
  4: [readFloat, readFloat],
  5: [readDouble, readDouble],
  8: [
    (packet) => readInteger(packet, packet.buf.readInt32LE(packet.pos + 4)),
    (packet) => readInteger(packet, packet.buf.readUInt32LE(packet.pos + 4)),
  ],
  9: [(packet) => packet.buf.readInt32LE(skip(packet, 4)), (packet) => packet.buf.readUInt32LE(skip(packet, 4))],
  13: [(packet) => packet.buf.readUInt16LE(skip(packet, 2)), (packet) => packet.buf.readUInt16LE(skip(packet, 2))],
};

const TIMESTAMP = 7;
const DATE = 10;
const TIME = 11;
const DATETIME = 12;
const BIT = 16;
const DECIMALS: readonly number[] = [0, 246];

function readerOf(column: Column): Reader {
  const { columnType, scale } = column;
  const numbers = NUMBER_READERS[columnType];
  if (numbers !== undefined) return column.signed() ? numbers[0] : numbers[1];
  if (DECIMALS.includes(columnType)) return readText;
  if (columnType === DATETIME || columnType === TIMESTAMP) return (packet) => readMoment(packet, scale);
  if (columnType === DATE) return readDate;
  if (columnType === TIME) return (packet) => readTime(packet, scale);
  return columnType === BIT || column.collation?.index === BINARY ? readBytes : readText;
}

function skip(packet: Packet, size: number): number {
  const { pos } = packet;
  packet.pos = pos + size;
  return pos;
}

function readInteger(packet: Packet, high: number): number | bigint {
  const pos = skip(packet, 8);
  const low = packet.buf.readUInt32LE(pos);
  const value = high * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}

function readDouble(packet: Packet): number {
  return packet.buf.readDoubleLE(skip(packet, 8));
}

/** Nine digits tell every number of 32 bits apart. */
const MAX_FLOAT_DIGITS = 9;
const MIN_FLOAT_DIGITS = 6;

/** The shortest decimal that is this number of 32 bits: 0.1 and not 0.10000000149011612. PostgreSQL does the same. */
function readFloat(packet: Packet): number {
  const value = packet.buf.readFloatLE(skip(packet, 4));
  for (let digits = MIN_FLOAT_DIGITS; digits < MAX_FLOAT_DIGITS; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

const digits2 = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, "0"));

function two(value: number | undefined): string {
  return digits2[value ?? 0] ?? String(value);
}

function readDate(packet: Packet): string {
  const size = packet.buf[packet.pos] ?? 0;
  return dateAt(packet.buf, skip(packet, size + 1) + 1, size);
}

function dateAt(buf: Buffer, pos: number, size: number): string {
  if (size < 4) return "0000-00-00";
  return `${String(buf.readUInt16LE(pos)).padStart(4, "0")}-${two(buf[pos + 2])}-${two(buf[pos + 3])}`;
}

/** A DATETIME or TIMESTAMP in UTC, to the millisecond; what is no point in time, such as `0000-00-00`, as the server's text. */
function readMoment(packet: Packet, scale: number): string {
  const { buf } = packet;
  const size = buf[packet.pos] ?? 0;
  const pos = skip(packet, size + 1) + 1;
  const date = dateAt(buf, pos, size);
  const time = size < 7 ? "00:00:00" : `${two(buf[pos + 4])}:${two(buf[pos + 5])}:${two(buf[pos + 6])}`;
  const microseconds = size < 11 ? 0 : buf.readUInt32LE(pos + 7);
  const isMoment = size >= 4 && buf[pos + 2] !== 0 && buf[pos + 3] !== 0;
  if (!isMoment) return `${date} ${time}${fraction(microseconds, scale)}`;
  return `${date}T${time}.${String(Math.floor(microseconds / 1000)).padStart(3, "0")}Z`;
}

/** A length of time or a time of day, as the server writes it. */
function readTime(packet: Packet, scale: number): string {
  const { buf } = packet;
  const size = buf[packet.pos] ?? 0;
  const pos = skip(packet, size + 1) + 1;
  if (size < 8) return `00:00:00${fraction(0, scale)}`;
  const hours = buf.readUInt32LE(pos + 1) * 24 + (buf[pos + 5] ?? 0);
  const microseconds = size < 12 ? 0 : buf.readUInt32LE(pos + 8);
  const sign = buf[pos] === 1 ? "-" : "";
  return `${sign}${String(hours).padStart(2, "0")}:${two(buf[pos + 6])}:${two(buf[pos + 7])}${fraction(microseconds, scale)}`;
}

const MAX_SCALE = 6;

function fraction(microseconds: number, scale: number): string {
  // A scale above six says that it is not fixed.
  const digits = scale <= MAX_SCALE ? scale : microseconds === 0 ? 0 : MAX_SCALE;
  return digits === 0 ? "" : `.${String(microseconds).padStart(MAX_SCALE, "0").slice(0, digits)}`;
}
