/**
 * What a server does when it has more to do than it can: a queue that is bounded by time, and beyond it a refusal at once.
 *
 * While the event loop keeps up a request costs a count. Every request waits for the turn of the loop that it arrives in, so
 * a turn that takes long is what a queue that is too long looks like from inside:
 * - The loop is looked at ten times as often as it may be late. More than `maxLoopDelayMs` late twice in a row begins an
 *   overload. Once does not: a single long pause (a collection, the start, a debugger) says nothing of what comes.
 * - In an overload requests are begun in slices of about `SLICE_MS`, one at least, so that the loop goes round between them:
 *   the system hands over one new connection in a turn, and a refusal is to reach its client. A slice shrinks when its turn took
 *   too long, and grows when it did not and others wait.
 * - Who is in no slice yet waits in line, in the order of arrival. As many wait as take half of `maxLoopDelayMs` at the pace
 *   of the slices; more are refused.
 * - It ends when nobody had to wait for `HOLD_MS`, which is longer than clients are told to stay away: they come back to a
 *   server that still counts.
 */
import { sleep, suspend } from "../co/mod.ts";
import { monotonicMs } from "../time/mod.ts";
import { HttpError } from "./http-error.ts";
import type { HttpRequest } from "./request.ts";
import type { ServerLimits } from "./server-limits.ts";

/** How long the work of one turn should take in an overload. */
export const SLICE_MS = 10;
/** How long nobody must have waited for an overload to be over. */
export const HOLD_MS = 5_000;
/** The most and the least time between two looks. */
const MAX_LOOK_MS = 100;
const MIN_LOOK_MS = 10;
/** The part of a new turn in the pace, which single slow requests are not to move much. */
const NEW_PART = 0.2;

/** Decides when a request is begun, and whether. */
export class Overload {
  /** What is answered to a request that is not begun. One for all: making one would cost more than the answer. */
  readonly error = new HttpError("ERR_HTTP_OVERLOADED", "Cannot begin the request: the server has too much to do");
  readonly #maxLoopDelayMs: number;
  readonly #maxRequestsInFlight: number;
  readonly #isEssential: ((request: HttpRequest) => boolean) | undefined;
  readonly #lookMs: number;
  #isLate = false;
  #isOverloaded = false;
  #inFlight = 0;
  /** Begun since the last look. */
  #begun = 0;
  /** How many are begun in one turn of an overload, and how long such a turn takes. */
  #slice = 1;
  #turnMs = SLICE_MS;
  /** Who waits in line, first come first served. */
  readonly #line = new Set<() => void>();
  /** Somebody had to wait, or was refused, since the last look; and for how long nobody had to. */
  #isPressed = false;
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

  /** True in an overload, and while as many handlers as may be are under way. */
  get active(): boolean {
    return this.#isOverloaded || this.#inFlight >= this.#maxRequestsInFlight;
  }

  /** How many may wait in line. */
  get #places(): number {
    return Math.max(1, Math.floor((this.#slice * this.#maxLoopDelayMs) / (2 * this.#turnMs)));
  }

  /**
   * Asks for a request to be begun: `undefined` when it is at once, else a promise of its turn, which a cancel takes out of the
   * line.
   *
   * @throws HttpError (`ERR_HTTP_OVERLOADED`) when it is not begun; what `isEssential` throws, which is asked only when
   * the answer would not be "at once".
   */
  admit(request: HttpRequest): Promise<void> | undefined {
    if (!this.active || (this.#isInSlice() && this.#inFlight < this.#maxRequestsInFlight)) {
      this.#begun++;
      return undefined;
    }
    if (this.#isEssential?.(request) === true) return undefined;
    this.#isPressed = true;
    if (this.#inFlight >= this.#maxRequestsInFlight || this.#line.size >= this.#places) throw this.error;
    return suspend<void>("http.queue", (resume) => {
      this.#line.add(resume);
      return () => void this.#line.delete(resume);
    });
  }

  #isInSlice(): boolean {
    return this.#line.size === 0 && this.#begun < this.#slice;
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
    try {
      for (let lastMs = monotonicMs(); ;) {
        await sleep(this.#isOverloaded ? SLICE_MS : this.#lookMs);
        const nowMs = monotonicMs();
        this.look(nowMs - lastMs);
        lastMs = nowMs;
      }
    } finally {
      // Nobody waits for a watch that has ended.
      this.#end();
    }
  }

  /** Decides anew, and lets the next in line begin. `tookMs` is the time since the last look. */
  look(tookMs: number): void {
    if (this.#isOverloaded) this.#lookAtTurn(tookMs);
    else this.#lookAtLoop(tookMs);
    this.#begun = 0;
    this.#isPressed = false;
    if (this.#line.size > 0) this.#beginSlice();
  }

  #lookAtLoop(tookMs: number): void {
    const wasLate = this.#isLate;
    this.#isLate = tookMs - this.#lookMs > this.#maxLoopDelayMs;
    if (!this.#isLate || !wasLate) return;
    this.#isOverloaded = true;
    this.#quietMs = 0;
    this.#slice = Math.max(1, Math.floor((this.#begun * SLICE_MS) / tookMs));
    this.#turnMs = Math.max(SLICE_MS, (this.#slice * tookMs) / Math.max(1, this.#begun));
  }

  #lookAtTurn(tookMs: number): void {
    const isPressed = this.#isPressed || this.#line.size > 0;
    this.#quietMs = isPressed ? 0 : this.#quietMs + tookMs;
    if (this.#quietMs >= HOLD_MS) return this.#end();
    // A slice that was not used up says nothing of the pace.
    if (!isPressed) return;
    this.#turnMs += NEW_PART * (Math.max(SLICE_MS, tookMs) - this.#turnMs);
    if (tookMs > 2 * SLICE_MS) this.#slice = Math.max(1, Math.floor((this.#slice * SLICE_MS) / tookMs));
    else if (tookMs < 1.5 * SLICE_MS) this.#slice += 1 + (this.#slice >> 2);
  }

  #beginSlice(): void {
    for (const resume of this.#line) {
      if (this.#begun >= this.#slice) return;
      this.#begun++;
      this.#line.delete(resume);
      resume();
    }
  }

  #end(): void {
    this.#isOverloaded = false;
    this.#isLate = false;
    for (const resume of this.#line) resume();
    this.#line.clear();
  }
}
