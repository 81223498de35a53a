/**
 * Who has a connection, and who waits for one.
 *
 * Rules it keeps:
 * - First come, first served. A connection that becomes free goes to the one that has waited longest, whether it was
 *   given back, made, or found alive. Nobody waits for one connection in particular, so one that turns out dead costs
 *   nobody his place.
 * - At most `maxWaiters` wait, none longer than `acquireTimeoutMs`; leaving the queue is possible at any time.
 * - A connection is in one place: idle, being checked, or with the one it was granted to, who gives it back with
 *   `release` or, when it is not known to be clean, with `destroy`. Giving back what is not out is an error.
 * - Connections are made when they are needed, up to `size`; from the first time on that one is, `min` are kept. When
 *   one cannot be made and there is no other, everybody who waits fails with the reason: they all want the same server.
 *   While there are others, they wait for those. The next attempt is made after a while (`pool-openings.ts`).
 * - What is idle for too long, or too old, is closed (`pool-idle.ts`).
 *
 * It is made of callbacks: the drivers wrap it in `suspend`, so that waiting for a connection and for the statement's
 * answer is one wait.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { leased, TRACE, unleased } from "#trace";
import { setTimer, type Timer } from "../host/clock.ts";
import { DatabaseError } from "./errors.ts";
import { IdleConnections } from "./pool-idle.ts";
import { type Made, Openings } from "./pool-openings.ts";

/** Wants a connection. Exactly one of its methods is called, once, unless it left the queue. */
export interface Waiter<C> {
  /** What it wants the connection for, for messages. */
  readonly purpose: string;
  grant(connection: C): void;
  fail(error: unknown): void;
}

/** Random numbers have so many values. */
const RANDOM_RANGE = 2 ** 32;

/** How a pool is made. */
export interface PoolOptions<C> {
  /** The most connections. */
  readonly size: number;
  readonly maxWaiters: number;
  /** How long one waits, in milliseconds. Infinity: without end. */
  readonly acquireTimeoutMs: number;
  /**
   * Makes a connection and calls `done` once, with it or with why there is none. What it returns gives the attempt up,
   * and is called when the pool is drained meanwhile; `done` may be called all the same.
   */
  readonly create: (done: (made: Made<C>) => void) => (() => void) | void;
  /** Ends a connection at once. */
  readonly destroy: (connection: C) => void;
  /** Ends a connection that is in order, as gracefully as it likes: the pool has forgotten it. Default: `destroy`. */
  readonly close?: (connection: C) => void;
  /** How many connections are kept although nobody needs them, 0 to `size`. Default 0. */
  readonly min?: number;
  /** How long one may be idle that is not among these, in milliseconds. Default Infinity. */
  readonly idleTimeoutMs?: number;
  /**
   * How old one gets, in milliseconds; up to a tenth more, by chance, so that not all go at once. It is closed when it is
   * idle or comes back, never while it is out. Default Infinity.
   */
  readonly maxAgeMs?: number;
  /** After how long an idle one is checked before it is granted, in milliseconds. Default Infinity. */
  readonly checkAfterMs?: number;
  /** Finds out whether a connection is alive, within a time of its own, and calls `done` once. Default: it is. */
  readonly check?: (connection: C, done: (isAlive: boolean) => void) => void;
  /** The longest wait after a connection could not be made, in milliseconds. Default 500. */
  readonly maxBackoffMs?: number;
  /** A number from 0 up to 1, another one each time. Default: of the system's. */
  readonly random?: () => number;
}

/** How many connections are where. */
export interface PoolStats {
  readonly idle: number;
  readonly checking: number;
  readonly out: number;
  readonly opening: number;
  /** How many wait for one. */
  readonly waiting: number;
  /** The most connections. */
  readonly max: number;
}

/** The connections of one kind of one database. */
export class Pool<C extends object> {
  readonly #options: Required<PoolOptions<C>>;
  /** Who waits, in the order in which they came, and what ends the wait. */
  readonly #queue = new Map<Waiter<C>, Timer | undefined>();
  readonly #idle: IdleConnections<C>;
  readonly #checking = new Set<C>();
  readonly #out = new Set<C>();
  readonly #opening: Openings<C>;
  #isDrained = false;
  #onQuiet: (() => void) | undefined;

  constructor(options: PoolOptions<C>) {
    this.#options = {
      close: options.destroy,
      min: 0,
      idleTimeoutMs: Infinity,
      maxAgeMs: Infinity,
      checkAfterMs: Infinity,
      check: (_connection, done) => done(true),
      maxBackoffMs: 500,
      random: () => randomInt(RANDOM_RANGE) / RANDOM_RANGE,
      ...options,
    };
    const { create, idleTimeoutMs, maxAgeMs, checkAfterMs, maxBackoffMs, random } = this.#options;
    this.#opening = new Openings({
      create,
      maxBackoffMs,
      random,
      onMade: (made) => this.#opened(made),
      onTime: () => this.#supply(),
    });
    this.#idle = new IdleConnections({
      idleTimeoutMs,
      maxAgeMs,
      checkAfterMs,
      random,
      spare: () => this.#count - this.#options.min,
      onDue: (connections) => {
        for (const connection of connections) this.#options.close(connection);
        this.#supply();
      },
    });
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  get stats(): PoolStats {
    return {
      idle: this.#idle.size,
      checking: this.#checking.size,
      out: this.#out.size,
      opening: this.#opening.size,
      waiting: this.#queue.size,
      max: this.#options.size,
    };
  }

  /** Nobody waits, and every connection is idle. */
  get quiet(): boolean {
    return this.#queue.size === 0 && this.#out.size === 0 && this.#coming === 0;
  }

  /** Connections that will be somebody's soon, if they come. */
  get #coming(): number {
    return this.#checking.size + this.#opening.size;
  }

  /** Connections that there are. */
  get #living(): number {
    return this.#idle.size + this.#checking.size + this.#out.size;
  }

  get #count(): number {
    return this.#living + this.#opening.size;
  }

  /**
   * Grants a connection to `waiter`, at once if a fresh one is idle, or when its turn comes.
   *
   * @throws DatabaseError `ERR_DB_POOL_FULL` when the queue has no place.
   */
  enter(waiter: Waiter<C>): void {
    const connection = this.#queue.size === 0 ? this.#idle.popFresh() : undefined;
    if (connection !== undefined) {
      this.#out.add(connection);
      this.#grant(waiter, connection);
      return;
    }
    const { maxWaiters, acquireTimeoutMs } = this.#options;
    if (this.#queue.size >= maxWaiters) {
      throw new DatabaseError(
        "ERR_DB_POOL_FULL",
        `Cannot ${waiter.purpose}: found ${this.#usage} and ${this.#queue.size} waiting, limit is ${maxWaiters}`,
        { cause: this.#opening.lastError },
      );
    }
    const timer = acquireTimeoutMs === Infinity ? undefined : setTimer(acquireTimeoutMs, () => this.#expire(waiter));
    this.#queue.set(waiter, timer);
    this.#supply();
  }

  /** Takes `waiter` out of the queue. False when it is not in it, because it was granted or failed. */
  leave(waiter: Waiter<C>): boolean {
    if (!this.#queue.has(waiter)) return false;
    this.#queue.get(waiter)?.clear();
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

  /** Gives back a clean connection, which goes to the next in the queue. */
  release(connection: C): void {
    assert(this.#out.has(connection), "Cannot release a connection: it is not out");
    if (TRACE) unleased(this, connection, true);
    if (this.#isDrained) this.#end(connection, this.#options.destroy);
    else if (this.#idle.isTooOld(connection)) this.#end(connection, this.#options.close);
    else this.#deliver(connection);
  }

  /** Gives back a connection that nobody may use again, and makes another one if somebody waits. */
  destroy(connection: C): void {
    assert(this.#out.has(connection), "Cannot destroy a connection: it is not out");
    if (TRACE) unleased(this, connection, false);
    this.#end(connection, this.#options.destroy);
  }

  /** Forgets an idle connection that ended by itself. */
  forget(connection: C): void {
    if (this.#idle.remove(connection)) this.#supply();
  }

  /**
   * Every connection that there is now is closed, at once if it is idle, otherwise when it comes back: the server
   * behind them is not to be used any more.
   */
  retire(): void {
    for (const connection of [...this.#out, ...this.#checking]) this.#idle.outdate(connection);
    for (const connection of this.#idle.removeAll()) this.#options.close(connection);
    this.#supply();
  }

  /** Calls `listener` once, when the pool is quiet. */
  onQuiet(listener: () => void): void {
    this.#onQuiet = listener;
    this.#tellIfQuiet();
  }

  /**
   * Ends the pool: fails everybody who waits, makes no connection any more, and hands over those that there are. Those
   * that are being checked are among the idle ones.
   */
  drain(error: unknown): { readonly idle: readonly C[]; readonly out: readonly C[] } {
    this.#isDrained = true;
    this.#opening.giveUp();
    this.#failAll(error);
    if (TRACE) for (const connection of this.#out) unleased(this, connection, false);
    const checking = [...this.#checking];
    this.#checking.clear();
    return { idle: [...this.#idle.removeAll(), ...checking], out: [...this.#out] };
  }

  #grant(waiter: Waiter<C>, connection: C): void {
    if (TRACE) leased(this, connection, waiter.purpose);
    waiter.grant(connection);
  }

  /** A connection is free: it goes to the next in the queue. */
  #deliver(connection: C): void {
    // It is out before anybody leaves the queue, or the pool looks quiet between the two.
    this.#out.add(connection);
    const next = this.takeNext(() => true);
    if (next !== undefined) {
      this.#grant(next, connection);
      return;
    }
    this.#out.delete(connection);
    this.#idle.push(connection);
    this.#tellIfQuiet();
  }

  #end(connection: C, end: (connection: C) => void): void {
    this.#out.delete(connection);
    end(connection);
    this.#supply();
    this.#tellIfQuiet();
  }

  /** Sees to it that as many connections are on their way as are waited for, and that `min` are kept. */
  #supply(): void {
    if (this.#isDrained) return;
    while (this.#queue.size > this.#coming) {
      // What is idle while somebody waits is not fresh: it would have been granted.
      const connection = this.#idle.pop();
      if (connection !== undefined) this.#check(connection);
      else if (!this.#open()) break;
    }
    while (this.#count < this.#options.min && this.#open());
  }

  #check(connection: C): void {
    this.#checking.add(connection);
    this.#options.check(connection, (isAlive) => {
      // The drain has handed it over.
      if (!this.#checking.delete(connection)) return;
      if (isAlive) this.#deliver(connection);
      else this.#end(connection, this.#options.destroy);
    });
  }

  /** Begins to make a connection, if there is room and it is time. */
  #open(): boolean {
    return this.#count < this.#options.size && this.#opening.begin(this.#queue.size > this.#coming);
  }

  #opened(made: Made<C>): void {
    if (this.#isDrained) {
      if ("connection" in made) this.#options.destroy(made.connection);
      return;
    }
    if ("connection" in made) {
      this.#idle.born(made.connection);
      this.#deliver(made.connection);
    } else if (this.#living === 0) this.#failAll(made.error);
    this.#supply();
    this.#tellIfQuiet();
  }

  /** Fails everybody who waits now. Who enters meanwhile waits anew. */
  #failAll(error: unknown): void {
    const waiters = [...this.#queue.keys()];
    for (const waiter of waiters) if (this.leave(waiter)) waiter.fail(error);
  }

  #expire(waiter: Waiter<C>): void {
    const { acquireTimeoutMs } = this.#options;
    const found = `${this.#usage} for ${acquireTimeoutMs} ms, ${this.#queue.size} waiting`;
    if (!this.leave(waiter)) return;
    waiter.fail(
      new DatabaseError("ERR_DB_ACQUIRE_TIMEOUT", `Cannot ${waiter.purpose}: found ${found}`, {
        cause: this.#opening.lastError,
      }),
    );
  }

  /** For messages. */
  get #usage(): string {
    const { size } = this.#options;
    if (this.#out.size < size) return `${this.#out.size} of ${size} connections in use`;
    return size === 1 ? "the only connection in use" : `all ${size} connections in use`;
  }

  #tellIfQuiet(): void {
    if (!this.quiet || this.#onQuiet === undefined) return;
    const listener = this.#onQuiet;
    this.#onQuiet = undefined;
    listener();
  }
}
