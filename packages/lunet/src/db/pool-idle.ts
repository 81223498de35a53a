/**
 * The connections of a pool that nobody has: which is used next, and which has to go.
 *
 * The one that was used last is used next. So the others stay idle, those of a peak are closed after it, and all that is
 * idle is in the order in which it came. One timer, set for the first that is due, looks after all of them.
 */
import { monotonicMs, setTimer, type Timer } from "../host/clock.ts";

/** By how much of their greatest age connections differ, so that those made together do not go together. */
const AGE_SPREAD = 0.1;

/** How idle connections are kept. */
export interface IdleOptions<C> {
  /** Longer idle, in milliseconds, and a connection goes if there is one to spare. */
  readonly idleTimeoutMs: number;
  /** Older, in milliseconds, and a connection goes; up to a tenth more, by chance. */
  readonly maxAgeMs: number;
  /** Idle for so long, in milliseconds, and a connection is not fresh any more. */
  readonly checkAfterMs: number;
  readonly random: () => number;
  /** How many connections could go. */
  readonly spare: () => number;
  /** Called with those that have to go. They are not idle any more. */
  readonly onDue: (connections: readonly C[]) => void;
}

interface Idle<C> {
  readonly connection: C;
  readonly sinceMs: number;
}

/** Idle connections, and the age of all. */
export class IdleConnections<C extends object> {
  readonly #options: IdleOptions<C>;
  #idle: Idle<C>[] = [];
  /** When a connection is too old, wherever it is. */
  readonly #tooOldMs = new WeakMap<C, number>();
  #timer: Timer | undefined;
  #timerAtMs = Infinity;

  constructor(options: IdleOptions<C>) {
    this.#options = options;
  }

  get size(): number {
    return this.#idle.length;
  }

  /** A connection was made. */
  born(connection: C): void {
    const { maxAgeMs, random } = this.#options;
    if (maxAgeMs === Infinity) return;
    this.#tooOldMs.set(connection, monotonicMs() + maxAgeMs * (1 + AGE_SPREAD * random()));
  }

  isTooOld(connection: C): boolean {
    return monotonicMs() >= this.#tooOldAtMs(connection);
  }

  /** A connection is too old from now on. */
  outdate(connection: C): void {
    this.#tooOldMs.set(connection, -Infinity);
  }

  /** A connection is idle from now on. */
  push(connection: C): void {
    const idle: Idle<C> = { connection, sinceMs: monotonicMs() };
    this.#idle.push(idle);
    this.#watch(Math.min(this.#tooOldAtMs(connection), idle.sinceMs + this.#options.idleTimeoutMs));
  }

  /** Takes the one that was used last, if that is not long ago. */
  popFresh(): C | undefined {
    const last = this.#idle.at(-1);
    if (last === undefined || monotonicMs() - last.sinceMs >= this.#options.checkAfterMs) return undefined;
    return this.pop();
  }

  /** Takes the one that was used last. */
  pop(): C | undefined {
    return this.#idle.pop()?.connection;
  }

  /** Takes this one. False when it is not idle. */
  remove(connection: C): boolean {
    const at = this.#idle.findIndex((idle) => idle.connection === connection);
    if (at !== -1) this.#idle.splice(at, 1);
    return at !== -1;
  }

  /** Takes all of them, and looks after none any more. */
  removeAll(): C[] {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    return this.#idle.splice(0).map((idle) => idle.connection);
  }

  #tooOldAtMs(connection: C): number {
    return this.#tooOldMs.get(connection) ?? Infinity;
  }

  /** Sees to it that the timer fires then, or before. A connection that is taken leaves it set: it is soon back. */
  #watch(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.clear();
    this.#timerAtMs = atMs;
    this.#timer = setTimer(Math.max(0, atMs - monotonicMs()), () => this.#sweep(), true);
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    const nowMs = monotonicMs();
    const due = new Set(this.#idle.filter(({ connection }) => this.#tooOldAtMs(connection) <= nowMs));
    let spare = this.#options.spare() - due.size;
    for (const idle of this.#idle) {
      if (spare <= 0 || idle.sinceMs + this.#options.idleTimeoutMs > nowMs) break;
      if (!due.has(idle)) spare--;
      due.add(idle);
    }
    this.#idle = this.#idle.filter((idle) => !due.has(idle));
    for (const { connection, sinceMs } of this.#idle) {
      this.#watch(this.#tooOldAtMs(connection));
      if (spare > 0) this.#watch(sinceMs + this.#options.idleTimeoutMs);
    }
    if (due.size > 0) this.#options.onDue([...due].map((idle) => idle.connection));
  }
}
