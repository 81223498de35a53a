/**
 * Answers to anonymous readers, kept until something is written.
 *
 * Rules:
 * - The database's version is read before an answer is made. An answer is given again while the version is the same, so
 *   nobody reads what a write that was acknowledged, by this process or another, has changed.
 * - A new version drops all that is kept: what a write touches is not worth finding out.
 * - Only whole answers with status 200 are kept, by request target, up to a number of bytes. When it is full, what is
 *   there stays and nothing is added.
 */
import type { Database } from "lunet/db";
import type { HttpRequest, Reply } from "lunet/http";

/** What an answer takes besides its text: its key, its objects, its place in the map. */
const OVERHEAD_BYTES = 512;
/** UTF-16, as the engine may hold it. */
const BYTES_PER_CHARACTER = 2;

/** Keeps answers of one database. */
export class KeptAnswers {
  readonly #database: Database;
  readonly #maxBytes: number;
  readonly #answers = new Map<string, Reply>();
  #bytes = 0;
  #version: number | undefined;

  /** @param maxBytes The most memory that is used; 0 keeps nothing. */
  constructor(database: Database, maxBytes: number) {
    this.#database = database;
    this.#maxBytes = maxBytes;
  }

  /** Gives the answer that is kept for the request, or the one that `make` makes. */
  answer(request: HttpRequest, make: () => Reply | Promise<Reply>): Reply | Promise<Reply> {
    if (this.#maxBytes === 0) return make();
    const version = this.#database.dataVersion();
    if (version === undefined) return make();
    if (version !== this.#version) this.#drop(version);
    return this.#answers.get(request.target) ?? this.#make(request.target, version, make);
  }

  #drop(version: number): void {
    this.#answers.clear();
    this.#bytes = 0;
    this.#version = version;
  }

  async #make(target: string, version: number, make: () => Reply | Promise<Reply>): Promise<Reply> {
    const reply = await make();
    const { status, content } = reply;
    if (status !== 200 || typeof content !== "string" || version !== this.#version) return reply;
    const bytes = (target.length + content.length) * BYTES_PER_CHARACTER + OVERHEAD_BYTES;
    if (this.#bytes + bytes > this.#maxBytes || this.#answers.has(target)) return reply;
    this.#bytes += bytes;
    this.#answers.set(target, reply);
    return reply;
  }
}
