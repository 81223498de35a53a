/**
 * When a server takes on no more: the event loop is late, or too many handlers are under way.
 *
 * While the loop keeps up nothing is refused for its sake, and a request costs a count. Every request waits for the turn of the
 * loop that it arrives in, so a turn that takes long is what a queue that is too long looks like from inside:
 * - Two looks in a row that find the loop more than `maxLoopDelayMs` late begin an overload. One alone does not: a single
 *   long pause (a collection, the start, a debugger) says nothing of what comes.
 * - From then on so many requests are begun between two looks as take half of `maxLoopDelayMs` at the pace that was seen; the others
 *   are refused at once. One is begun always. Late again: at most half as many. Quick, with requests refused: a quarter more.
 * - It ends when nothing was refused for `HOLD_MS`, which is longer than clients are told to stay away: they come back to a
 *   server that still counts.
 */
import { sleep } from "../co/mod.ts";
import { monotonicMs } from "../time/mod.ts";
import { HttpError } from "./http-error.ts";
import type { HttpRequest } from "./request.ts";
import type { ServerLimits } from "./server-limits.ts";

/** A bound that nothing reaches between two looks, and that the engine keeps as a small integer. */
const UNBOUNDED = 2 ** 30 - 1;
/** How long nothing must have been refused for an overload to be over. */
const HOLD_MS = 5_000;
/** The loop is looked at ten times as often as it may be late, within these. */
const MIN_LOOK_MS = 10;
const MAX_LOOK_MS = 100;

/** Decides whether a request is begun. */
export class Overload {
  /** What is answered to a request that is not begun. One for all: making one would cost more than the answer. */
  readonly error = new HttpError("ERR_HTTP_OVERLOADED", "Cannot begin the request: the server has too much to do");
  readonly #maxLoopDelayMs: number;
  readonly #maxRequestsInFlight: number;
  readonly #isEssential: ((request: HttpRequest) => boolean) | undefined;
  readonly #lookMs: number;
  /** How many requests may be begun between two looks. */
  #allowed = UNBOUNDED;
  /** Since the last look. */
  #begun = 0;
  #refused = 0;
  #inFlight = 0;
  #wasLate = false;
  #quietMs = 0;

  constructor(
    limits: Pick<ServerLimits, "maxLoopDelayMs" | "maxRequestsInFlight">,
    isEssential?: (request: HttpRequest) => boolean,
  ) {
    this.#maxLoopDelayMs = limits.maxLoopDelayMs;
    this.#maxRequestsInFlight = limits.maxRequestsInFlight;
    this.#isEssential = isEssential;
    this.#lookMs = Math.min(MAX_LOOK_MS, Math.max(MIN_LOOK_MS, Math.round(limits.maxLoopDelayMs / 10)));
  }

  /** True while the loop's delay bounds what is begun, or as many handlers as may be are under way. */
  get active(): boolean {
    return this.#allowed < UNBOUNDED || this.#inFlight >= this.#maxRequestsInFlight;
  }

  /** Whether a request is begun. Throws what `isEssential` throws, which is asked only when the answer would be no. */
  admits(request: HttpRequest): boolean {
    if (this.#begun < this.#allowed && this.#inFlight < this.#maxRequestsInFlight) {
      this.#begun++;
      return true;
    }
    if (this.#isEssential?.(request) === true) return true;
    this.#refused++;
    return false;
  }

  /** Counts a handler that is waited for. Its rejection counts as handled: whoever waits for it takes it over later. */
  track(pending: Promise<unknown>): void {
    this.#inFlight++;
    pending.then(this.#settled, this.#settled);
  }

  readonly #settled = (): void => {
    this.#inFlight--;
  };

  /** Looks at the loop for as long as it is not cancelled. Not at all when `maxLoopDelayMs` is 0. */
  async watch(): Promise<void> {
    if (this.#maxLoopDelayMs === 0) return;
    for (let lastMs = monotonicMs(); ;) {
      await sleep(this.#lookMs);
      const nowMs = monotonicMs();
      this.look(nowMs - lastMs);
      lastMs = nowMs;
    }
  }

  /** Decides anew. `tookMs` is how long it took the loop to come back after it was asked to in `lookMs`. */
  look(tookMs: number): void {
    const delayMs = tookMs - this.#lookMs;
    const isLate = delayMs > this.#maxLoopDelayMs;
    const wasLate = this.#wasLate;
    const begun = this.#begun;
    const refused = this.#refused;
    this.#wasLate = isLate;
    this.#begun = 0;
    this.#refused = 0;
    if (this.#allowed === UNBOUNDED) {
      if (isLate && wasLate) this.#begin(begun, tookMs);
      return;
    }
    this.#quietMs = refused > 0 || isLate ? 0 : this.#quietMs + tookMs;
    if (this.#quietMs >= HOLD_MS) this.#allowed = UNBOUNDED;
    else if (isLate) this.#allowed = Math.max(1, Math.min(this.#allowed >> 1, this.#share(begun, tookMs)));
    else if (refused > 0 && delayMs <= this.#maxLoopDelayMs / 2) this.#allowed += 1 + (this.#allowed >> 2);
  }

  #begin(begun: number, tookMs: number): void {
    this.#quietMs = 0;
    this.#allowed = Math.max(1, this.#share(begun, tookMs));
  }

  /** How many of `begun` requests, which took `tookMs`, take half of what the loop may be late. */
  #share(begun: number, tookMs: number): number {
    return Math.floor((begun * this.#maxLoopDelayMs) / (2 * tookMs));
  }
}
