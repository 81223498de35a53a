/**
 * Who has a connection, and who waits for one.
 *
 * Rules it keeps:
 * - First come, first served. A connection that becomes free goes to the one that has waited longest.
 * - At most `maxWaiters` wait, none longer than `acquireTimeoutMs`; leaving the queue is possible at any time.
 * - A connection is in one place: idle, or with the one it was granted to, who gives it back with `release` or, when it
 *   is not known to be clean, with `destroy`. Giving back what is not out is an error.
 * - Connections are made when they are needed, up to `size`. One that cannot be made fails whoever waited longest.
 *
 * It is made of callbacks: the drivers wrap it in `suspend`, so that waiting for a connection and for the statement's
 * answer is one wait.
 */
import assert from "node:assert/strict";
import { leased, TRACE, unleased } from "#trace";
import { setTimer, type Timer } from "../host/clock.ts";
import { DatabaseError } from "./errors.ts";

/** Wants a connection. Exactly one of its methods is called, once, unless it left the queue. */
export interface Waiter<C> {
  /** What it wants the connection for, for messages. */
  readonly purpose: string;
  grant(connection: C): void;
  fail(error: unknown): void;
}

/** How a pool is made. */
export interface PoolOptions<C> {
  /** The most connections. */
  readonly size: number;
  readonly maxWaiters: number;
  readonly acquireTimeoutMs: number;
  /** Makes a connection and calls `done` once, with it or with why there is none. */
  readonly create: (done: (made: { readonly connection: C } | { readonly error: unknown }) => void) => void;
  /** Ends a connection at once. */
  readonly destroy: (connection: C) => void;
}

interface Place<C> {
  readonly waiter: Waiter<C>;
  timer: Timer | undefined;
}

/** The connections of one kind of one database. */
export class Pool<C extends object> {
  readonly #options: PoolOptions<C>;
  readonly #queue = new Map<Waiter<C>, Place<C>>();
  readonly #idle: C[] = [];
  readonly #out = new Set<C>();
  #starting = 0;
  #drained = false;
  #onQuiet: (() => void) | undefined;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Nobody waits, and every connection is idle. */
  get quiet(): boolean {
    return this.#queue.size === 0 && this.#out.size === 0 && this.#starting === 0;
  }

  /**
   * Grants a connection to `waiter`, at once if one is idle, or when its turn comes.
   *
   * @throws DatabaseError `ERR_DB_POOL_FULL` when the queue has no place.
   */
  enter(waiter: Waiter<C>): void {
    const connection = this.#queue.size === 0 ? this.#idle.pop() : undefined;
    if (connection !== undefined) {
      this.#out.add(connection);
      this.#grant(waiter, connection);
      return;
    }
    const { maxWaiters, acquireTimeoutMs } = this.#options;
    if (this.#queue.size >= maxWaiters) {
      throw new DatabaseError(
        "ERR_DB_POOL_FULL",
        `Cannot ${waiter.purpose}: found ${this.#queue.size} waiting for a connection, limit is ${maxWaiters}`,
      );
    }
    const place: Place<C> = { waiter, timer: undefined };
    if (acquireTimeoutMs !== Infinity) place.timer = setTimer(acquireTimeoutMs, () => this.#expire(waiter));
    this.#queue.set(waiter, place);
    this.#grow();
  }

  /** Takes `waiter` out of the queue. False when it is not in it, because it was granted or failed. */
  leave(waiter: Waiter<C>): boolean {
    const place = this.#queue.get(waiter);
    if (place === undefined) return false;
    place.timer?.clear();
    this.#queue.delete(waiter);
    this.#tellIfQuiet();
    return true;
  }

  /** Takes the waiter whose turn is next out of the queue if `accept` wants it: whoever calls serves it as well. */
  takeNext(accept: (waiter: Waiter<C>) => boolean): Waiter<C> | undefined {
    for (const waiter of this.#queue.keys()) {
      if (!accept(waiter)) return undefined;
      this.leave(waiter);
      return waiter;
    }
    return undefined;
  }

  #grant(waiter: Waiter<C>, connection: C): void {
    if (TRACE) leased(this, connection, waiter.purpose);
    waiter.grant(connection);
  }

  /** Gives back a clean connection, which goes to the next in the queue. */
  release(connection: C): void {
    assert(this.#out.has(connection), "Cannot release a connection: it is not out");
    if (TRACE) unleased(this, connection, true);
    const next = this.takeNext(() => true);
    if (next !== undefined) {
      this.#grant(next, connection);
      return;
    }
    this.#out.delete(connection);
    this.#idle.push(connection);
    this.#tellIfQuiet();
  }

  /** Gives back a connection that nobody may use again, and makes another one if somebody waits. */
  destroy(connection: C): void {
    assert(this.#out.delete(connection), "Cannot destroy a connection: it is not out");
    if (TRACE) unleased(this, connection, false);
    this.#options.destroy(connection);
    this.#grow();
    this.#tellIfQuiet();
  }

  /** Forgets an idle connection that ended by itself. */
  forget(connection: C): void {
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  /** Calls `listener` once, when the pool is quiet. */
  onQuiet(listener: () => void): void {
    this.#onQuiet = listener;
    this.#tellIfQuiet();
  }

  /** Ends the pool: fails everybody who waits, makes no connection any more, and hands over those that there are. */
  drain(error: unknown): { readonly idle: readonly C[]; readonly out: readonly C[] } {
    this.#drained = true;
    while (this.takeNext((waiter) => (waiter.fail(error), true)) !== undefined);
    if (TRACE) for (const connection of this.#out) unleased(this, connection, false);
    return { idle: this.#idle.splice(0), out: [...this.#out] };
  }

  #grow(): void {
    const size = this.#idle.length + this.#out.size + this.#starting;
    if (this.#drained || this.#queue.size <= this.#starting || size >= this.#options.size) return;
    this.#starting++;
    this.#options.create((made) => {
      this.#starting--;
      if (this.#drained) {
        if ("connection" in made) this.#options.destroy(made.connection);
      } else if ("connection" in made) {
        this.#out.add(made.connection);
        this.release(made.connection);
      } else {
        this.takeNext((waiter) => (waiter.fail(made.error), true));
        this.#grow();
        this.#tellIfQuiet();
      }
    });
  }

  #expire(waiter: Waiter<C>): void {
    if (!this.leave(waiter)) return;
    const { acquireTimeoutMs } = this.#options;
    waiter.fail(
      new DatabaseError(
        "ERR_DB_ACQUIRE_TIMEOUT",
        `Cannot ${waiter.purpose}: found no free connection for ${acquireTimeoutMs} ms`,
      ),
    );
  }

  #tellIfQuiet(): void {
    if (!this.quiet || this.#onQuiet === undefined) return;
    const listener = this.#onQuiet;
    this.#onQuiet = undefined;
    listener();
  }
}
