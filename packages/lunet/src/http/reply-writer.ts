/**
 * The way out of a connection: replies are collected as text and written together; content streams go at the client's
 * pace.
 *
 * Text has one character per byte (latin1). What is collected goes out in order, before any piece that is added later.
 * Memory is bounded by whoever adds: it flushes when `isDue` says so, and `addPiece` waits for the client.
 */
import { ClosedError, giveWay } from "../co/mod.ts";
import { SocketError, type Connection } from "../net/mod.ts";
import { CHUNK_END, serializeChunkSize } from "./reply-serializer.ts";

/** Text that is collected before it is written, in bytes. */
const FLUSH_BYTES = 65_536;
/** Long content is handed to the connection in pieces of this size, so that no more of it is buffered. */
const PIECE_BYTES = 65_536;
/** A piece up to this size goes out with its frame in one write. */
const JOIN_BYTES = 16_384;
/** A reply that never waits, to a client that is as fast, lets other coroutines run after so many bytes. */
const TURN_BYTES = 262_144;

/** Whether an error says that the connection is gone, which is no failure of the server. */
export function isGone(error: unknown): boolean {
  return error instanceof SocketError || error instanceof ClosedError;
}

/** Bytes as text with one character each. */
export function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export class ReplyWriter {
  readonly #connection: Connection;
  #out = "";
  #turnBytes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Adds text to what goes out next. */
  add(text: string): void {
    this.#out += text;
  }

  /** Whether so much is collected that it should be written now. */
  get isDue(): boolean {
    return this.#out.length >= FLUSH_BYTES;
  }

  /** Bytes that have left the process, for telling a slow client from one that takes nothing. */
  get takenBytes(): number {
    return this.#connection.bytesWritten - this.#connection.bufferedBytes;
  }

  /** Writes what has been collected if that needs no wait. False when something is left. */
  tryFlush(): boolean {
    const text = this.#out;
    if (text === "") return true;
    if (this.#connection.closed || !this.#connection.tryWrite(text, "latin1")) return false;
    this.#out = "";
    return true;
  }

  /**
   * Writes what has been collected. Gives a promise when that has to wait for the client.
   *
   * @throws SocketError, ClosedError when the connection is gone, here or in the promise.
   */
  flush(): Promise<void> | undefined {
    const text = this.#out;
    if (text === "") return undefined;
    this.#out = "";
    if (this.#connection.closed) throw new ClosedError("the connection");
    return this.#connection.tryWrite(text, "latin1") ? undefined : this.#connection.write(text, "latin1");
  }

  /** Writes a piece of content, as a chunk if `chunked`. Waits while the client is slow. Throws as `flush`. */
  async addPiece(bytes: Uint8Array, chunked: boolean): Promise<void> {
    if (chunked) this.#out += serializeChunkSize(bytes.length);
    if (bytes.length <= JOIN_BYTES) {
      this.#out += latin1Of(bytes);
      if (chunked) this.#out += CHUNK_END;
      const flushed = this.flush();
      if (flushed !== undefined) await flushed;
      if (this.#isTurnOver(bytes.length)) await giveWay();
    } else {
      const flushed = this.flush();
      if (flushed !== undefined) await flushed;
      await this.#writeBytes(bytes);
      if (chunked) this.#out += CHUNK_END;
      this.tryFlush();
    }
  }

  /** Whether so much was written, with these bytes, that others should have their turn. */
  #isTurnOver(bytes: number): boolean {
    this.#turnBytes += bytes;
    if (this.#turnBytes < TURN_BYTES) return false;
    this.#turnBytes = 0;
    return true;
  }

  async #writeBytes(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      const piece = bytes.subarray(start, start + PIECE_BYTES);
      if (!this.#connection.tryWrite(piece)) await this.#connection.write(piece);
      if (this.#isTurnOver(piece.length)) await giveWay();
    }
  }

  /** Drops what has been collected and not written. */
  drop(): void {
    this.#out = "";
  }
}
