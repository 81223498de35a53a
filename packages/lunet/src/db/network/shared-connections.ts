/**
 * A few connections that many use at once: each sends its statement behind the others' without waiting for their answers.
 * Only plain reads come here, and only those that are known to be quick, because each waits for those before it.
 *
 * One that is not quick this time holds up the others for `budgetMs`: then they run elsewhere, and what they come to
 * here is ignored. They are reads, so nobody sees that they ran twice. For the same reason a run whose connection is lost runs
 * elsewhere. The connections refuse to write: what a view or an operator does cannot be seen in a statement's text.
 *
 * A cancel that the server is sent could hit a neighbour's statement. So an abandoned run is only ignored, which costs
 * nothing when it is as quick as it was. When it still runs after `budgetMs` the server is asked to end it, and from then
 * on the connection takes nothing new until it is known to be clean.
 */
import { monotonicMs, setTimer, type Timer } from "../../host/clock.ts";
import { DatabaseError } from "../errors.ts";
import type { BoundValue } from "../parameters.ts";
import type { KnownStatement } from "../known-statement.ts";
import type { NetworkConnection, RunResult } from "./connection.ts";
import type { Connected } from "./connector.ts";
import { isServerGone, wasCancelled } from "./lease.ts";

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
  /** After how long without use a connection is asked whether it is alive before it is used. */
  readonly checkAfterMs: number;
  /** Opens a connection that refuses to write; gives a function that gives up. */
  readonly open: (done: Connected) => () => void;
  /** Closes one in which nothing is under way. */
  readonly close: (connection: NetworkConnection) => void;
}

/** Called once: with what a statement came to, or with nothing when it has to run elsewhere. */
export type SharedDone = (outcome: RunResult | DatabaseError | undefined) => void;

/** One statement under way. */
export class SharedRun {
  readonly statement: KnownStatement;
  readonly sentMs: number;
  /** Undefined when nobody waits for it any more. */
  #done: SharedDone | undefined;

  constructor(statement: KnownStatement, done: SharedDone, sentMs: number) {
    this.statement = statement;
    this.#done = done;
    this.sentMs = sentMs;
  }

  get isAbandoned(): boolean {
    return this.#done === undefined;
  }

  abandon(): void {
    this.#done = undefined;
  }

  settle(outcome: RunResult | DatabaseError | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(outcome);
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

  /** Every connection that there is now takes nothing new: the server behind them is not to be used any more. */
  retire(): void {
    for (const place of this.#places) place.retire();
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
  #isRetired = false;
  /** Whether something may come to the connection that must not meet a statement. `taken`: one more answer is wanted. */
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
    const { budgetMs, maxAgeMs, idleTimeoutMs, checkAfterMs } = this.#options;
    const isTooOld = this.#isRetired || nowMs - this.#openedMs > maxAgeMs;
    if (this.#runs.length > 0) return !isTooOld && nowMs - this.#headSinceMs() <= budgetMs;
    const idleMs = nowMs - this.#lastEndMs;
    if (!isTooOld && idleMs <= idleTimeoutMs) {
      if (idleMs < checkAfterMs) return true;
      this.#check(connection);
      return false;
    }
    // Another takes its place.
    this.#connection = undefined;
    this.#options.close(connection);
    this.#open(nowMs);
    return false;
  }

  /** The connection that it has takes nothing new. Another one takes its place when it is next wanted. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Sends a statement. Call it at once after `takes`. */
  run(statement: KnownStatement, params: readonly BoundValue[], done: SharedDone): SharedRun {
    const run = new SharedRun(statement, done, monotonicMs());
    if (this.#runs.push(run) > 1) this.#watch();
    (this.#connection as NetworkConnection).run(statement.text, params, true, (outcome) => this.#end(run, outcome));
    return run;
  }

  /** Nobody waits for a run any more. */
  abandon(run: SharedRun): void {
    run.abandon();
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
    // A statement that had to be prepared anew, or was not sent at all, ends out of its turn.
    this.#runs.splice(this.#runs.indexOf(run), 1);
    if (isReadOnly(outcome)) run.statement.wrote();
    else run.statement.ranInPlace(this.#lastEndMs - sinceMs, this.#options.budgetMs);
    run.settle(mustMove(outcome) ? undefined : outcome);
    if (this.#runs.length > 0) return;
    if (this.#cancel === "taken") this.#confirm();
    this.#onChange();
  }

  /** Looks after the budget whether the first still runs, while there is something for which that matters. */
  #watch(): void {
    if (this.#timer !== undefined || this.#cancel !== "none") return;
    this.#timer = setTimer(this.#options.budgetMs, () => {
      this.#timer = undefined;
      const [head, ...others] = this.#runs;
      if (head === undefined) return;
      if (monotonicMs() - this.#headSinceMs() >= this.#options.budgetMs) {
        for (const run of others) run.settle(undefined);
        if (head.isAbandoned) return this.#cancelHead();
      }
      if (others.length > 0 || head.isAbandoned) this.#watch();
    });
  }

  #cancelHead(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.ended) return;
    this.#cancel = "sent";
    this.#timer = setTimer(this.#options.cancelTimeoutMs, () => connection.destroy());
    connection.cancel((failure) => {
      if (failure !== undefined) connection.destroy();
      // It came after the end of the connection, and another one has the place.
      if (this.#connection !== connection) return;
      this.#cancel = "taken";
      if (this.#runs.length === 0) this.#confirm();
    });
  }

  /** Finds out whether the server still answers; meanwhile it takes nothing. */
  #check(connection: NetworkConnection): void {
    this.#cancel = "taken";
    this.#timer?.clear();
    this.#timer = setTimer(this.#options.cancelTimeoutMs, () => connection.destroy());
    this.#confirm();
  }

  #confirm(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.ended) return;
    connection.ping((failure) => {
      if (failure !== undefined) connection.destroy();
      this.#lastEndMs = monotonicMs();
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
    this.#isRetired = false;
    this.#openedMs = monotonicMs();
    this.#lastEndMs = this.#openedMs;
    connection.onEnd(() => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      this.#clear();
    });
  }
}

/**
 * Nothing is wrong with the statement: it was hit by the cancel of a neighbour, or the server is gone, or it writes, which is
 * not for here.
 */
function mustMove(outcome: RunResult | DatabaseError): boolean {
  return wasCancelled(outcome) || isServerGone(outcome) || isReadOnly(outcome);
}

function isReadOnly(outcome: RunResult | DatabaseError): boolean {
  return outcome instanceof DatabaseError && outcome.code === "ERR_DB_READ_ONLY";
}
