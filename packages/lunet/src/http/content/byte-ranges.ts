/**
 * Byte ranges: what a `Range` asks for, and how several of them are sent (RFC 9110 section 14).
 *
 * Rules:
 * - A field that is malformed, of another unit, or asks for more than `MAX_RANGES` is ignored: the whole is sent.
 * - Ranges that overlap, or that are so near that a part's head is longer than the gap, are joined. So no byte is sent
 *   twice, and many small ranges never cost more than the whole does (CVE-2011-3192).
 * - Ranges that remain are sent in the order in which they were asked for.
 */

/** From the first byte up to the last, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** The most ranges that one request may ask for. */
export const MAX_RANGES = 32;
/** Longer than this no field of so many ranges has to be. */
const MAX_RANGE_CHARACTERS = 1_024;
/** About what the head of a part takes. */
const NEAR_BYTES = 80;

const RANGES_SPECIFIER = /^bytes=(.*)$/i;
const RANGE_SPEC = /^[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t]*$/;

/**
 * The ranges that a `Range` asks for of `sizeBytes` bytes. `undefined` when the field is to be ignored; an empty list when
 * none of them can be satisfied, which is answered 416.
 *
 * @example parseRanges("bytes=0-4,-2", 100) // [{ first: 0, last: 4 }, { first: 98, last: 99 }]
 */
export function parseRanges(field: string, sizeBytes: number): ByteRange[] | undefined {
  if (field.length > MAX_RANGE_CHARACTERS) return undefined;
  const specs = RANGES_SPECIFIER.exec(field)?.[1]?.split(",");
  if (specs === undefined || specs.length > MAX_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const match = RANGE_SPEC.exec(spec);
    if (match === null) return undefined;
    const [, from, to, suffix] = match;
    if (from === undefined) {
      const length = Math.min(Number(suffix), sizeBytes);
      if (length > 0) ranges.push({ first: sizeBytes - length, last: sizeBytes - 1 });
      continue;
    }
    const first = Number(from);
    const last = to === "" ? Infinity : Number(to);
    if (last < first) return undefined;
    if (first < sizeBytes) ranges.push({ first, last: Math.min(last, sizeBytes - 1) });
  }
  return joinRanges(ranges);
}

/** Joins what overlaps or is near, and keeps the order in which the first of each was asked for. */
function joinRanges(ranges: readonly ByteRange[]): ByteRange[] {
  if (ranges.length < 2) return [...ranges];
  const sorted = ranges.map((range, order) => ({ ...range, order })).sort((a, b) => a.first - b.first);
  const joined: Array<{ first: number; last: number; order: number }> = [];
  for (const range of sorted) {
    const before = joined.at(-1);
    if (before === undefined || range.first > before.last + NEAR_BYTES) joined.push(range);
    else {
      before.last = Math.max(before.last, range.last);
      before.order = Math.min(before.order, range.order);
    }
  }
  return joined.sort((a, b) => a.order - b.order).map(({ first, last }) => ({ first, last }));
}

/** The value of `Content-Range` for one range. */
export function contentRange({ first, last }: ByteRange, sizeBytes: number): string {
  return `bytes ${first}-${last}/${sizeBytes}`;
}

/** The frame of several ranges in one reply, `multipart/byteranges` (RFC 9110 section 14.6). */
export interface RangeParts {
  readonly contentType: string;
  /** What stands before the bytes of each range, in their order. */
  readonly heads: readonly string[];
  /** What stands behind the last. */
  readonly end: string;
  /** Bytes of all of it. */
  readonly contentLength: number;
}

/**
 * Frames ranges of content.
 *
 * @param boundary Text of token characters that the content does not contain.
 * @param contentType The content's own, ASCII.
 */
export function frameRanges(
  ranges: readonly ByteRange[],
  sizeBytes: number,
  contentType: string,
  boundary: string,
): RangeParts {
  const heads = ranges.map(
    (range) =>
      `\r\n--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: ${contentRange(range, sizeBytes)}\r\n\r\n`,
  );
  const end = `\r\n--${boundary}--\r\n`;
  let contentLength = end.length;
  for (const head of heads) contentLength += head.length;
  for (const { first, last } of ranges) contentLength += last - first + 1;
  return { contentType: `multipart/byteranges; boundary=${boundary}`, heads, end, contentLength };
}
