/**
 * The bytes of a connection that are not read yet, in order, and the lines at their front (RFC 9112 section 2.2).
 *
 * Memory:
 * - Bytes that are pushed onto an empty queue are kept as a view; only what is pushed behind others is copied.
 * - What `take` returned is never written again: copies go behind the last byte, or into new memory of twice the size,
 *   so that n bytes that arrive one by one cost O(n).
 * - An empty queue that is released holds none.
 */

import { HttpError } from "./http-error.ts";

const NO_BYTES = Buffer.alloc(0);
const SMALLEST_BUFFER_BYTES = 1_024;

const HTAB = 9;
const LF = 10;
const CR = 13;
const DEL = 127;
const FIRST_VISIBLE = 32;

export class ByteQueue {
  /** What is queued stands from `#start` up to `#end`. Only memory that was allocated here goes on behind `#end`. */
  #buffer: Buffer = NO_BYTES;
  #start = 0;
  #end = 0;
  /** Where in the stream `#buffer` begins. */
  #bufferOffset = 0;
  /** Bytes at the front that are known to hold no line end, so that each byte is looked at once. */
  #scanned = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** How many bytes have been taken since the first. */
  get offset(): number {
    return this.#bufferOffset + this.#start;
  }

  /** Whether `readLine` has looked at bytes and not yet returned them. */
  get hasLineBegun(): boolean {
    return this.#scanned > 0;
  }

  push(bytes: Uint8Array): void {
    if (this.#start === this.#end) {
      this.#bufferOffset += this.#start;
      this.#buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#start = 0;
      this.#end = bytes.length;
      return;
    }
    if (this.#end + bytes.length > this.#buffer.length) this.#grow(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #grow(moreBytes: number): void {
    const length = this.length;
    const grown = Buffer.allocUnsafeSlow(Math.max(SMALLEST_BUFFER_BYTES, (length + moreBytes) * 2));
    this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.#buffer = grown;
    this.#bufferOffset += this.#start;
    this.#start = 0;
    this.#end = length;
  }

  /** Forgets every byte and lets go of the memory. */
  release(): void {
    this.#buffer = NO_BYTES;
    this.#bufferOffset += this.#start;
    this.#start = this.#end = this.#scanned = 0;
  }

  /** The byte at `offset`, or `undefined` behind the last. */
  at(offset: number): number | undefined {
    return offset < this.length ? this.#buffer[this.#start + offset] : undefined;
  }

  /** The offset of a byte's first occurrence at `from` or later, or -1. */
  indexOf(byte: number, from: number): number {
    const found = this.#buffer.indexOf(byte, this.#start + from);
    return found === -1 || found >= this.#end ? -1 : found - this.#start;
  }

  /** Up to `maxBytes` bytes as text, one character each, without taking them. */
  text(maxBytes: number): string {
    return this.#buffer.toString("latin1", this.#start, Math.min(this.#end, this.#start + maxBytes));
  }

  /** Drops bytes, of which there must be as many. */
  skip(bytes: number): void {
    this.#start += bytes;
  }

  /** Takes up to `maxBytes` bytes as a view. */
  take(maxBytes: number): Uint8Array {
    const start = this.#start;
    this.#start = Math.min(this.#end, start + maxBytes);
    return this.#buffer.subarray(start, this.#start);
  }

  /**
   * Takes a line without its CRLF; `undefined` when none ends within the first `limitBytes` bytes, CRLF included, of
   * those that are here. Throws `HttpError` 400 at the first CR or LF that stands alone, and at the first control byte
   * but HTAB, wherever the line ends.
   */
  readLine(limitBytes: number): string | undefined {
    const bytes = this.#buffer;
    const stop = Math.min(this.#end, this.#start + limitBytes);
    let at = this.#start + this.#scanned;
    for (; at < stop; at++) {
      const byte = bytes[at] as number;
      if ((byte >= FIRST_VISIBLE && byte !== DEL) || byte === HTAB) continue;
      if (byte === CR && at + 1 === stop) break;
      if (byte === CR && bytes[at + 1] === LF) {
        const line = bytes.toString("latin1", this.#start, at);
        this.#start = at + 2;
        this.#scanned = 0;
        return line;
      }
      if (byte === CR || byte === LF) throw loneLineEnd(byte);
      const found = `0x${byte.toString(16).padStart(2, "0")}`;
      throw new HttpError(
        "ERR_HTTP_CONTROL_BYTE",
        `Cannot read line: found control byte ${found}, wanted none but HTAB`,
      );
    }
    this.#scanned = at - this.#start;
    return undefined;
  }

  /** Takes a CRLF, as far as it is here. Returns whether it was; throws `HttpError` 400 at the first other byte. */
  readLineEnd(): boolean {
    const first = this.at(0);
    if (first === undefined) return false;
    if (first !== CR) throw loneLineEnd(first);
    const second = this.at(1);
    if (second === undefined) return false;
    if (second !== LF) throw loneLineEnd(CR);
    this.#start += 2;
    return true;
  }
}

function loneLineEnd(byte: number): HttpError {
  const found = byte === CR ? "CR alone" : byte === LF ? "LF alone" : "another byte";
  return new HttpError("ERR_HTTP_LINE_END", `Cannot read line end: found ${found}, wanted CRLF`);
}
