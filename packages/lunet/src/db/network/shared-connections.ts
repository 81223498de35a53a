/**
 * A few connections that many use at once: each sends its statement behind the others' without waiting for their answers.
 * Only plain reads come here, and only those that are known to be quick, because each waits for those before it.
 *
 * A cancel that the server is sent could hit a neighbour's statement. So an abandoned run is only ignored, which costs
 * nothing when it is as quick as it was; when it still holds the others up after `budgetMs` the server is asked to end it,
 * and from then on the connection takes nothing new until it is known to be clean. A neighbour that was hit runs again
 * elsewhere: it is a read, and nobody sees it.
 */
import { monotonicMs, setTimer, type Timer } from "../../host/clock.ts";
import { DatabaseError } from "../errors.ts";
import type { BoundValue } from "../parameters.ts";
import type { KnownStatement } from "../known-statement.ts";
import type { NetworkConnection, RunResult } from "./connection.ts";
import type { Connected } from "./connector.ts";

/** The most statements under way on one connection. */
export const MAX_PIPELINE_DEPTH = 256;
/** How long after a failure to open a connection another is tried, in milliseconds. */
const REOPEN_AFTER_MS = 500;

/** What the shared connections are made with. */
export interface SharedOptions {
  readonly size: number;
  readonly budgetMs: number;
  readonly cancelTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly idleTimeoutMs: number;
  /** Opens a connection; gives a function that gives up. */
  readonly open: (done: Connected) => () => void;
}

/** One statement under way. */
export class SharedRun {
  readonly statement: KnownStatement;
  readonly done: (outcome: RunResult | DatabaseError) => void;
  readonly sentMs: number;
  isAbandoned = false;

  constructor(statement: KnownStatement, done: (outcome: RunResult | DatabaseError) => void, sentMs: number) {
    this.statement = statement;
    this.done = done;
    this.sentMs = sentMs;
  }
}

/** The shared connections of a database. They are opened when they are first wanted. */
export class SharedConnections {
  readonly #places: Place[];
  #onQuiet: (() => void) | undefined;

  constructor(options: SharedOptions) {
    this.#places = Array.from({ length: options.size }, () => new Place(options, () => this.#tellIfQuiet()));
  }

  /** Nothing is under way. */
  get quiet(): boolean {
    return this.#places.every((place) => place.depth === 0);
  }

  /** The place with the least under way; undefined when none takes a statement now. */
  find(): Place | undefined {
    let best: Place | undefined;
    const nowMs = monotonicMs();
    for (const place of this.#places) {
      if (place.takes(nowMs) && (best === undefined || place.depth < best.depth)) best = place;
    }
    return best;
  }

  /** Calls `listener` once, when nothing is under way. */
  onQuiet(listener: () => void): void {
    this.#onQuiet = listener;
    this.#tellIfQuiet();
  }

  /** Opens nothing any more, and hands over what is open. */
  drain(): NetworkConnection[] {
    return this.#places.flatMap((place) => place.drain());
  }

  #tellIfQuiet(): void {
    if (this.#onQuiet === undefined || !this.quiet) return;
    const listener = this.#onQuiet;
    this.#onQuiet = undefined;
    listener();
  }
}

/** A shared connection, or the place for one. */
export class Place {
  readonly #options: SharedOptions;
  readonly #onChange: () => void;
  readonly #runs: SharedRun[] = [];
  #connection: NetworkConnection | undefined;
  #giveUp: (() => void) | undefined;
  #openedMs = 0;
  /** When the last statement ended, or the connection was opened. */
  #lastEndMs = 0;
  /** Not before then is another connection tried. */
  #reopenMs = -Infinity;
  #cancel: "none" | "sent" | "taken" = "none";
  #timer: Timer | undefined;
  #isDrained = false;

  constructor(options: SharedOptions, onChange: () => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  /** How many statements are under way. */
  get depth(): number {
    return this.#runs.length;
  }

  /** Whether it takes a statement now. One that has no connection opens one for the next. */
  takes(nowMs: number): boolean {
    const connection = this.#connection;
    if (connection === undefined) {
      this.#open(nowMs);
      return false;
    }
    if (connection.ended || this.#cancel !== "none" || this.#runs.length >= MAX_PIPELINE_DEPTH) return false;
    if (this.#runs.length > 0) return nowMs - this.#headSinceMs() <= this.#options.budgetMs;
    const { maxAgeMs, idleTimeoutMs } = this.#options;
    if (nowMs - this.#openedMs <= maxAgeMs && nowMs - this.#lastEndMs <= idleTimeoutMs) return true;
    // Too old, or idle for so long that it may be dead: another takes its place.
    this.#connection = undefined;
    connection.close(() => {});
    this.#open(nowMs);
    return false;
  }

  /** Sends a statement. Call it at once after `takes`. */
  run(
    statement: KnownStatement,
    params: readonly BoundValue[],
    done: (outcome: RunResult | DatabaseError) => void,
  ): SharedRun {
    const run = new SharedRun(statement, done, monotonicMs());
    this.#runs.push(run);
    (this.#connection as NetworkConnection).run(statement.text, params, true, (outcome) => this.#end(run, outcome));
    return run;
  }

  /** Nobody waits for a run any more. */
  abandon(run: SharedRun): void {
    run.isAbandoned = true;
    this.#watch();
  }

  /** Hands over the connection, if there is one. */
  drain(): NetworkConnection[] {
    this.#isDrained = true;
    this.#timer?.clear();
    this.#giveUp?.();
    const connection = this.#connection;
    this.#connection = undefined;
    return connection === undefined ? [] : [connection];
  }

  #headSinceMs(): number {
    return Math.max(this.#lastEndMs, this.#runs[0]?.sentMs ?? 0);
  }

  #end(run: SharedRun, outcome: RunResult | DatabaseError): void {
    const sinceMs = this.#headSinceMs();
    this.#lastEndMs = monotonicMs();
    this.#runs.shift();
    run.statement.ranInPlace(this.#lastEndMs - sinceMs, this.#options.budgetMs);
    if (!run.isAbandoned) run.done(outcome);
    if (this.#runs.length > 0) return;
    if (this.#cancel === "taken") this.#confirm();
    this.#onChange();
  }

  /** Looks again after the budget whether the one that holds up the others is wanted by nobody. */
  #watch(): void {
    if (this.#timer !== undefined || this.#cancel !== "none") return;
    this.#timer = setTimer(this.#options.budgetMs, () => {
      this.#timer = undefined;
      if (this.#runs[0]?.isAbandoned === true && this.#lastEndMs + this.#options.budgetMs <= monotonicMs())
        this.#cancelHead();
      else if (this.#runs.some((run) => run.isAbandoned)) this.#watch();
    });
  }

  #cancelHead(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.ended) return;
    this.#cancel = "sent";
    this.#timer = setTimer(this.#options.cancelTimeoutMs, () => connection.destroy());
    connection.cancel((failure) => {
      if (failure !== undefined) connection.destroy();
      this.#cancel = "taken";
      if (this.#runs.length === 0) this.#confirm();
    });
  }

  #confirm(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.ended) return;
    connection.ping((failure) => {
      if (failure !== undefined) connection.destroy();
      this.#clear();
    });
  }

  #clear(): void {
    this.#cancel = "none";
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #open(nowMs: number): void {
    if (this.#isDrained || this.#giveUp !== undefined || nowMs < this.#reopenMs) return;
    this.#giveUp = this.#options.open((opened) => {
      this.#giveUp = undefined;
      if (opened instanceof DatabaseError) {
        // Who wanted it runs elsewhere, and is told there if the server is gone.
        this.#reopenMs = monotonicMs() + REOPEN_AFTER_MS;
      } else if (this.#isDrained) opened.destroy();
      else this.#take(opened);
    });
  }

  #take(connection: NetworkConnection): void {
    this.#connection = connection;
    this.#openedMs = monotonicMs();
    this.#lastEndMs = this.#openedMs;
    connection.onEnd(() => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      this.#clear();
    });
  }
}
