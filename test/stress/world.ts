/** What the operations of the stress test work on and count with. */
import { join } from "node:path";
import { LunetError } from "lunet";
import type { Database } from "lunet/db";
import type { ConnectOptions } from "lunet/net";
import type { Random } from "../fuzz/random.ts";

/** One operation. It leaves nothing behind, and throws only for what must not happen. */
export type Operation = (world: World, random: Random) => Promise<void>;

/** How many rows `account` has, and how much they have together, whatever is moved between them. */
export const ACCOUNTS = 100;
export const TOTAL_BALANCE = ACCOUNTS * 1_000;

/** A failure that an operation causes on purpose: it must come out as it is, and nothing else with it. */
export class IntendedError extends Error {
  readonly code = "INTENDED";
}

export class World {
  readonly folder: string;
  readonly database: Database;
  /** Where the echo servers listen: one on TCP, one on a Unix socket. */
  readonly echoes: readonly ConnectOptions[];
  /** Failures that were expected and came, by code. */
  readonly expected: Map<string, number>;
  /** Rows that were acknowledged in `note`. */
  notes = 0;
  #names = 0;

  constructor(
    folder: string,
    database: Database,
    echoes: readonly ConnectOptions[],
    expected = new Map<string, number>(),
  ) {
    this.folder = folder;
    this.database = database;
    this.echoes = echoes;
    this.expected = expected;
  }

  /** A path that nobody else has. */
  newPath(ending: string): string {
    this.#names++;
    return join(this.folder, `${this.#names}.${ending}`);
  }

  count(code: string): void {
    this.expected.set(code, (this.expected.get(code) ?? 0) + 1);
  }

  /**
   * Runs `body`, which may fail with one of the codes, and gives the code that it failed with; undefined when it did
   * not. What else it throws, a cancel from outside among it, goes on.
   */
  async mayFail(codes: readonly string[], body: () => Promise<unknown>): Promise<string | undefined> {
    try {
      await body();
      return undefined;
    } catch (error) {
      const isKnown = error instanceof LunetError || error instanceof IntendedError;
      if (!isKnown || !codes.includes(error.code)) throw error;
      this.count(error.code);
      return error.code;
    }
  }

  /** As `mayFail`, for what has to fail. */
  async mustFail(codes: readonly string[], body: () => Promise<unknown>): Promise<string> {
    const code = await this.mayFail(codes, body);
    if (code !== undefined) return code;
    throw new Error(`Cannot go on: found a success, wanted a failure with ${codes.join(" or ")}`);
  }
}

/** Fails the run unless `holds`. */
export function check(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Error(`Cannot go on: ${what()}`);
}
