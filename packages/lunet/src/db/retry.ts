/** Runs again what the database gave up for another's sake: a transaction, or a statement alone. */
import { randomInt } from "node:crypto";
import { sleep } from "../co/mod.ts";
import { DatabaseError } from "./errors.ts";

/** The longest wait before the first further run, in milliseconds; it doubles. */
const FIRST_WAIT_MS = 10;
const MAX_WAIT_MS = 500;

/** How often a statement outside of transactions is run again. */
export const STATEMENT_RETRIES = 10;

/**
 * Runs `attempt` until it succeeds, fails for another reason than a serialization failure or a deadlock, or has failed
 * `retry` times. The waits between are random, so that those who met do not meet again.
 */
export async function withRetry<T>(retry: number, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === retry || !isGivenUp(error)) throw error;
    }
    await sleep(randomInt(1, Math.min(FIRST_WAIT_MS * 2 ** tries, MAX_WAIT_MS) + 1));
  }
}

function isGivenUp(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === "ERR_DB_SERIALIZATION" || error.code === "ERR_DB_DEADLOCK");
}
