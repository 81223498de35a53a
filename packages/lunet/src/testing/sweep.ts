/**
 * Fail and cancel at every wait: runs something again and again, each time with one fault at another wait, and looks
 * whether everything was ended, given back and usable afterwards. docs/sweep.md is the guide.
 *
 * A run is: a fixture, the body with the fault at its k-th wait, the checks. The clean run comes first; the number of its
 * waits, n, is how many runs there are of each kind of fault. With `reset` one fixture serves run after run, until one of
 * them has found something; without it each has a fixture and a root of its own.
 *
 * Only waits below the body's own coroutine count, so no fault gets into what the sweep does itself: setup, checks,
 * teardown, and the client of a request.
 */
import {
  Cancelled,
  ClosedError,
  inCoroutine,
  LunetError,
  reportFailure,
  runRoot,
  shield,
  sleep,
  spawn,
  supervise,
  suspend,
} from "../co/mod.ts";
import { monotonicMs } from "../host/clock.ts";
import { nextTurn } from "../host/process.ts";
import { serveConnection, type ServerOptions } from "../http/mod.ts";
import { type Connection, SocketError } from "../net/mod.ts";
import {
  armInjection,
  balance,
  collectFindings,
  describeFinding,
  disarmInjection,
  type Finding,
  findings,
  type InjectedAt,
  snapshot,
  takeFindings,
  TRACE,
  treeText,
} from "../trace/mod.ts";
import { requestInProcess, sendRequest, type ClientRequest, type HandlerSource } from "./http-client.ts";
import { memoryPair } from "./memory-sockets.ts";

/** How long a run may take, and how long its checks may, unless a sweep says otherwise, in milliseconds. */
export const DEFAULT_SWEEP_TIMEOUT_MS = 5_000;
/** How long what a cancel left behind may take to come to its end: a read in a database's thread cannot be stopped. */
const SETTLE_MS = 1_000;
/** What is counted before and after each run: what else a fixture has may well grow, and is counted when it is torn down. */
const LENT_KINDS = ["lease", "transaction", "request"];
/** Waits for a time, for the end of a coroutine, for being asked to finish: nothing in the world makes them fail. */
const CANNOT_FAIL = /^(?:sleep|join .*|waitCancelRequest)$/;
const CANCEL_REASON = "a cancel that sweep put there";

/** `ERR_INJECTED`: a wait failed because `sweep` made it fail. */
export class InjectedFailure extends LunetError {
  /** The wait that failed. */
  readonly operation: string;

  constructor(operation: string, site: string) {
    super("ERR_INJECTED", `Cannot finish "${operation}": found the failure that sweep put there, at ${site}`);
    this.operation = operation;
  }
}

/**
 * What happens at a wait: the coroutine is cancelled when the wait has begun; the wait fails, instead of being begun or,
 * if it is a close, when it is done; or, for a request, the client goes away.
 */
export type SweepFault = "cancel" | "fail" | "gone";

/** Every kind of fault, in the order in which they are put at a wait. */
export const SWEEP_FAULTS: readonly SweepFault[] = ["cancel", "fail", "gone"];

/** What all sweeps have. Each function is called in a coroutine. */
export interface SweepFixture<F> {
  /** For reports. */
  readonly name: string;
  /** Makes what the body and the checks work with, such as a database. */
  readonly setup: () => F | Promise<F>;
  /** Throws when the fixture is not usable and correct. It is called after each run, whatever the body came to. */
  readonly check?: (fixture: F) => unknown;
  /**
   * Puts the fixture back to where it was, so that it can serve the next run too: for fixtures that take long to make.
   * Default: each run has a fixture of its own.
   */
  readonly reset?: (fixture: F) => unknown;
  /** Ends the fixture. Default: its `Symbol.asyncDispose` or `Symbol.dispose`, if it has one. */
  readonly teardown?: (fixture: F) => unknown;
  /** How long a run may take, and how long its checks may, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

/** Sweeps a function. */
export interface BodySweep<F> extends SweepFixture<F> {
  /** What is swept. It may fail in any way when a fault comes, but must leave nothing behind. */
  readonly body: (fixture: F) => unknown;
}

/** Sweeps the answer to a request, in process. The waits that count are those of the handler. */
export interface RequestSweep<F> extends SweepFixture<F> {
  /** Gives what answers: a handler, or a thing that has one. */
  readonly handler: (fixture: F) => HandlerSource;
  /** The request, or a function that gives it, called for each one that is sent. */
  readonly request: ClientRequest | ((fixture: F) => ClientRequest);
  /** Gives the server's options. `onFailure` is not told of what stems from the fault. */
  readonly server?: (fixture: F) => ServerOptions;
  /**
   * What the same request may be answered with when it is sent again after a run, beside the status of the clean run: 404
   * where it deletes something, 409 where it makes it. Default: none.
   */
  readonly againStatus?: readonly number[];
}

/** What is swept: a function, or the answer to a request. */
export type SweepDefinition<F> = BodySweep<F> | RequestSweep<F>;

/** One run that is about to begin, of so many. */
export interface SweepProgress {
  readonly name: string;
  /** From 1. */
  readonly run: number;
  /** How many there will be; 1 while the waits have not been counted. */
  readonly runs: number;
  readonly fault: SweepFault | "none";
  /** Which wait, from 1; 0 in the clean run. */
  readonly at: number;
}

/** How a sweep goes about it. */
export interface SweepOptions {
  /** The faults. Default: all; a function has no client, so none of its runs has `gone`. */
  readonly faults?: readonly SweepFault[];
  /** Called before each run. */
  readonly onProgress?: (progress: SweepProgress) => void;
}

/** One thing that a run has found. */
export interface SweepFinding {
  /** `none` for the clean run. */
  readonly fault: SweepFault | "none";
  /** Which wait, from 1; 0 in the clean run. */
  readonly at: number;
  /** The wait's operation and its line; empty in the clean run. */
  readonly operation: string;
  readonly site: string;
  /** What was found, in one sentence. */
  readonly what: string;
  /** All that is known of it: the trace build's report, the tree of what ran, the stack of an error. */
  readonly details: string;
}

/** What a sweep came to. */
export interface SweepReport {
  readonly name: string;
  /** How many waits the clean run had. */
  readonly waits: number;
  /** How many runs there were, the clean one among them. */
  readonly runs: number;
  /** The status of the clean run's reply; undefined for a function. */
  readonly status: number | undefined;
  /** The smallest `at` first. */
  readonly findings: readonly SweepFinding[];
  /** False when a run could not be ended: then it goes on, and those after it did not take place. */
  readonly isComplete: boolean;
}

/** A sweep that is ready to run, whatever its fixture: what a file for `lunet sweep` exports. */
export interface Sweep {
  readonly name: string;
  run(options?: SweepOptions): Promise<SweepReport>;
}

/**
 * Makes a sweep to be run later, by `lunet sweep` or by a test.
 *
 * @example
 * ```ts
 * import { sleep } from "lunet";
 * import { defineSweep } from "lunet/testing";
 * export default defineSweep({ name: "a nap", setup: () => ({}), body: () => sleep(1) });
 * ```
 */
export function defineSweep<F>(definition: SweepDefinition<F>): Sweep {
  return { name: definition.name, run: (options) => sweep(definition, options) };
}

/**
 * Runs a function or a request once to count its waits, n, and then n times for each kind of fault, with the fault at
 * another wait each time. It is called outside coroutines, because every run has a root of its own.
 *
 * After each run it demands that the trace build has found nothing, that all which was lent out is back (pooled
 * connections, transactions), that everything has ended, that `check` passes, and, for a request, that the same
 * request is answered as in the clean run. What takes longer than `timeoutMs` is a finding.
 *
 * What the swept body throws is its own affair: after a fault it may fail in any way.
 *
 * @returns What was found, and how many runs it took. Findings do not throw.
 * @throws Error in the release build, when another sweep is under way, or when findings from before are there; TypeError
 *   in a coroutine; what `setup` and `reset` throw.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { open } from "lunet/db";
 * import { describeSweep, sweep } from "lunet/testing";
 * import { TRACE } from "lunet/trace";
 * if (TRACE) {
 *   const report = await sweep({
 *     name: "a write",
 *     setup: () => open("sqlite::memory:"),
 *     body: (database) => database.exec("create table thing (id integer primary key)"),
 *     check: (database) => database.query("select 1"),
 *   });
 *   assert.deepEqual(report.findings, [], describeSweep(report));
 * }
 * ```
 */
export async function sweep<F>(definition: SweepDefinition<F>, options: SweepOptions = {}): Promise<SweepReport> {
  const { name } = definition;
  if (!TRACE) {
    throw new Error(
      `Cannot sweep "${name}": found the release build, wanted the trace build: node --conditions=lunet-trace`,
    );
  }
  if (inCoroutine()) throw new TypeError(`Cannot sweep "${name}": found a coroutine around the call, wanted none`);
  if (isSweeping) throw new Error(`Cannot sweep "${name}": found another sweep under way, wanted one at a time`);
  collectFindings();
  const [earlier] = findings().filter(counts);
  if (earlier !== undefined) {
    throw new Error(`Cannot sweep "${name}": found findings from before, wanted none: ${describeFinding(earlier)}`);
  }
  isSweeping = true;
  try {
    return await new Sweeper(definition, options).run();
  } finally {
    isSweeping = false;
  }
}

let isSweeping = false;

/**
 * What a sweep came to, as text: a line if nothing was found, else each finding, the smallest wait first.
 *
 * @param details Of how many findings all is told that is known. Default: of all.
 */
export function describeSweep(report: SweepReport, { details = Infinity }: { readonly details?: number } = {}): string {
  const { name, waits, runs, status, findings: found } = report;
  const figures = `${waits} waits, ${runs} runs${status === undefined ? "" : `, status ${status}`}`;
  if (found.length === 0) return `${name}: ok (${figures})`;
  const parts = found.map((one, index) => {
    const where =
      one.fault === "none" ? "the clean run" : `${one.fault} at wait ${one.at}, ${one.operation}, at ${one.site}`;
    const isWhole = index < details && one.details !== "";
    return `  ${where}\n    ${one.what}${isWhole ? `\n${one.details.trim().replaceAll(/^/gm, "    ")}` : ""}`;
  });
  return `${name}: ${found.length} found (${figures})\n${parts.join("\n")}`;
}

/** Findings of the loop are about time, and come on a busy machine without any fault. */
function counts(finding: Finding): boolean {
  return !finding.foreign && finding.known === undefined && finding.class !== "L";
}

interface Run {
  readonly fault: SweepFault | "none";
  readonly at: number;
}

interface Outcome<T> {
  readonly value?: T;
  readonly error?: unknown;
  /** What ran when its time was over. */
  readonly tree?: string | undefined;
}

class Sweeper<F> {
  readonly #definition: SweepDefinition<F>;
  readonly #options: SweepOptions;
  readonly #timeoutMs: number;
  readonly #queue: Run[] = [{ fault: "none", at: 0 }];
  readonly #found: SweepFinding[] = [];
  /** Kinds of which no further run makes sense: the wait was not reached, or a run hung. */
  readonly #over = new Set<SweepFault | "none">();
  #waits = 0;
  #runs = 0;
  #allRuns = 1;
  #status: number | undefined;
  /** The run under way, and where its fault was put. */
  #run: Run = { fault: "none", at: 0 };
  #place = { operation: "", site: "" };
  /** Gives the session up, with all that still runs in it. */
  #giveUp: () => void = () => {};
  #isGivenUp = false;

  constructor(definition: SweepDefinition<F>, options: SweepOptions) {
    this.#definition = definition;
    this.#options = options;
    this.#timeoutMs = definition.timeoutMs ?? DEFAULT_SWEEP_TIMEOUT_MS;
  }

  async run(): Promise<SweepReport> {
    while (this.#queue.length > 0 && !this.#isGivenUp) await this.#session();
    const order: ReadonlyArray<SweepFault | "none"> = ["none", ...SWEEP_FAULTS];
    return {
      name: this.#definition.name,
      waits: this.#waits,
      runs: this.#runs,
      status: this.#status,
      findings: this.#found.toSorted((a, b) => a.at - b.at || order.indexOf(a.fault) - order.indexOf(b.fault)),
      isComplete: !this.#isGivenUp,
    };
  }

  /** A fixture, from setup to teardown, in a root of its own. */
  async #session(): Promise<void> {
    const before = living();
    const foundBefore = this.#found.length;
    const session = runRoot(() => this.#withFixture());
    await runRoot(() =>
      suspend<void>("sweep", (resume, fail) => {
        let isOver = false;
        const once = (end: () => void): void => {
          if (!isOver) end();
          isOver = true;
        };
        session.then(
          () => once(resume),
          (error: unknown) => once(() => fail(error)),
        );
        this.#giveUp = () => {
          this.#isGivenUp = true;
          disarmInjection();
          once(resume);
        };
        return undefined;
      }),
    );
    if (this.#isGivenUp) return;
    // After a finding what is left is most likely its consequence.
    const isTold = this.#found.length > foundBefore;
    const left = isTold ? "" : await this.#leftBy(before);
    this.#takeLedger(isTold);
    if (left !== "" && this.#found.length === foundBefore) {
      this.#tell(`something is left when the fixture has been torn down: ${left}`, outstanding());
    }
  }

  /** What lives when there was time to end it. */
  async #leftBy(before: Living): Promise<string> {
    const untilMs = monotonicMs() + SETTLE_MS;
    do await nextTurn();
    while (more(before, living()) !== "" && monotonicMs() < untilMs);
    return more(before, living());
  }

  async #withFixture(): Promise<void> {
    const { setup, reset } = this.#definition;
    const fixture = await setup();
    const foundBefore = this.#found.length;
    try {
      for (let isFirst = true; this.#next(); isFirst = false) {
        if (!isFirst) await reset?.(fixture);
        await this.#oneRun(fixture);
        if (reset === undefined || this.#found.length > foundBefore) break;
      }
    } finally {
      await this.#tearDown(fixture, foundBefore);
    }
  }

  /** Takes the next run whose kind is not over. */
  #next(): boolean {
    let run = this.#queue.shift();
    while (run !== undefined && this.#over.has(run.fault)) run = this.#queue.shift();
    if (run === undefined) return false;
    this.#run = run;
    this.#place = { operation: "", site: "" };
    this.#runs++;
    const { name } = this.#definition;
    this.#options.onProgress?.({ name, run: this.#runs, runs: this.#allRuns, ...run });
    return true;
  }

  async #oneRun(fixture: F): Promise<void> {
    const foundBefore = this.#found.length;
    const isClean = this.#run.fault === "none";
    const before = living();
    const outcome = await this.#limited("the swept body", (cancel) => this.#swept(fixture, cancel));
    // What comes to its end after all is nobody's: another sweep may be under way.
    if (this.#isGivenUp) return;
    const { operations, hit } = disarmInjection();
    if (hit !== undefined) this.#place = hit;
    else this.#over.add(this.#run.fault);
    if (isClean) this.#waits = operations.length;
    if (isClean) this.#status = outcome.value;
    if (outcome.tree !== undefined) this.#tellHang("it hangs", outcome.tree);
    else if (isClean && "error" in outcome) this.#tell(`it fails: ${messageOf(outcome.error)}`, stackOf(outcome.error));
    // What is told in the turn after an end belongs to it.
    await sleep(0);
    this.#takeLedger(false);
    if (this.#found.length === foundBefore) await this.#checkLent(before);
    if (this.#found.length === foundBefore) await this.#check(fixture);
    if (isClean && this.#found.length === foundBefore) this.#plan(operations);
  }

  /** The runs with a fault, now that the waits are known. */
  #plan(operations: readonly string[]): void {
    const isRequest = "handler" in this.#definition;
    for (const [index, operation] of operations.entries()) {
      for (const fault of this.#options.faults ?? SWEEP_FAULTS) {
        if (fault === "gone" && !isRequest) continue;
        if (fault === "fail" && CANNOT_FAIL.test(operation)) continue;
        this.#queue.push({ fault, at: index + 1 });
      }
    }
    this.#allRuns = 1 + this.#queue.length;
  }

  /** What is swept, with its fault. For a request the status that it was answered with, if it was. */
  async #swept(fixture: F, cancel: () => void): Promise<number | undefined> {
    const definition = this.#definition;
    if ("handler" in definition) return this.#sweptRequest(definition, fixture);
    this.#arm("here", cancel);
    await definition.body(fixture);
    return undefined;
  }

  #arm(where: "here" | "requests", strike: () => void): void {
    const { fault, at } = this.#run;
    const fail = ({ operation, site }: InjectedAt): Error => new InjectedFailure(operation, site);
    armInjection({ where, at, fault: fault === "fail" ? { fail } : { strike } });
  }

  async #sweptRequest(definition: RequestSweep<F>, fixture: F): Promise<number | undefined> {
    const source = definition.handler(fixture);
    const handler = typeof source === "function" ? source : source.handler;
    const [client, server] = memoryPair();
    const request = requestOf(definition, fixture);
    const serve = (): Promise<void> => serveConnection(handler, server, quiet(definition.server?.(fixture)));
    const serving = spawn(serve, { name: "in-process server" });
    this.#arm("requests", () => {
      if (this.#run.fault === "gone") client.destroy({ reset: true });
      else serving.cancel({ reason: CANCEL_REASON });
    });
    return ask(client, request);
  }

  /** What was lent has to be back; what a cancel leaves may have to come to its end elsewhere first. */
  async #checkLent(before: Living): Promise<void> {
    const untilMs = monotonicMs() + SETTLE_MS;
    while (more(before, living(), LENT_KINDS) !== "" && monotonicMs() < untilMs) await sleep(1);
    this.#takeLedger(false);
    const left = more(before, living(), LENT_KINDS);
    if (left !== "") this.#tell(`not all that was lent out is back: ${left}`, outstanding(LENT_KINDS));
  }

  async #check(fixture: F): Promise<void> {
    const outcome = await this.#limited("the check after a run", async () => {
      await this.#definition.check?.(fixture);
      await this.#sendAgain(fixture);
    });
    if (this.#isGivenUp) return;
    if (outcome.tree !== undefined) this.#tellHang("the check hangs", outcome.tree);
    else if ("error" in outcome) {
      this.#tell(`the check fails: ${messageOf(outcome.error)}`, stackOf(outcome.error));
    }
    this.#takeLedger(false);
  }

  async #sendAgain(fixture: F): Promise<void> {
    const definition = this.#definition;
    if (!("handler" in definition)) return;
    const { status } = await requestInProcess(
      definition.handler(fixture),
      { timeoutMs: this.#timeoutMs, ...requestOf(definition, fixture) },
      definition.server?.(fixture),
    );
    if (status === this.#status || definition.againStatus?.includes(status) === true) return;
    throw new Error(`the same request again is answered with ${status}, wanted ${this.#status} as in the clean run`);
  }

  /**
   * Runs a part in a coroutine of its own, for `timeoutMs`. Then it is told where it waits, and cancelled; if it does not
   * end for as long again, the session is given up.
   */
  async #limited<T>(name: string, body: (cancel: () => void) => Promise<T>): Promise<Outcome<T>> {
    let tree: string | undefined;
    const part = async (): Promise<Outcome<T>> => {
      const task = spawn(
        async () => {
          // The coroutine has its handle before its first wait, at which it may be cancelled.
          await Promise.resolve();
          return body(() => task.cancel({ reason: CANCEL_REASON }));
        },
        { name },
      );
      const watch = spawn(
        async () => {
          await sleep(this.#timeoutMs);
          const shot = snapshot();
          tree = shot === undefined ? "" : treeText(shot);
          task.cancel({ reason: "its time is over" });
          await sleep(this.#timeoutMs);
          this.#tellHang("it hangs, and a cancel does not end it", tree);
          this.#giveUp();
        },
        { name: "watch of sweep" },
      );
      try {
        const value = await task.join();
        return { value, tree };
      } catch (error) {
        if (error instanceof Cancelled) throw error;
        return { error, tree };
      } finally {
        watch.cancel();
      }
    };
    return supervise(part, { onFailure: () => {} });
  }

  async #tearDown(fixture: F, foundBefore: number): Promise<void> {
    if (this.#isGivenUp) return;
    try {
      await shield(2 * this.#timeoutMs, async () => {
        const { teardown } = this.#definition;
        if (teardown === undefined) await dispose(fixture);
        else await teardown(fixture);
      });
    } catch (error) {
      // After a finding it is most likely its consequence.
      if (this.#found.length === foundBefore) this.#tell(`the teardown fails: ${messageOf(error)}`, stackOf(error));
    }
  }

  /** Takes what the trace build has found. */
  #takeLedger(isTold: boolean): void {
    for (const finding of takeFindings().filter(counts)) {
      if (!isTold) this.#tell(`finding ${finding.class}: ${finding.what}`, describeFinding(finding));
    }
  }

  #tellHang(what: string, tree: string): void {
    this.#over.add(this.#run.fault);
    this.#tell(`${what}: ${this.#timeoutMs} ms were not enough`, tree);
  }

  #tell(what: string, details: string): void {
    this.#found.push({ ...this.#run, ...this.#place, what, details });
  }
}

/**
 * The client: the status of the reply, if there is one. It reads without being resumed by what comes, so that it may be
 * destroyed at any moment, and takes its end of the connection with it.
 */
async function ask(client: Connection, request: ClientRequest): Promise<number | undefined> {
  let received = "";
  try {
    const once = { ...request, fields: { Connection: "close", ...request.fields } };
    spawn(() => sendRequest(client, once), { name: "in-process request" });
    await client.consume((bytes) => {
      received += Buffer.from(bytes).toString("latin1");
      return true;
    });
  } catch (error) {
    // A connection that is cut off is what a client gets of a server that is interrupted.
    if (!(error instanceof SocketError || error instanceof ClosedError)) throw error;
  } finally {
    client.destroy();
  }
  const status = /^(?:HTTP\/1\.1 1\d\d [^]*?\r\n\r\n)*HTTP\/1\.1 (\d{3}) /.exec(received)?.[1];
  return status === undefined ? undefined : Number(status);
}

function requestOf<F>({ request }: RequestSweep<F>, fixture: F): ClientRequest {
  return typeof request === "function" ? request(fixture) : request;
}

/** The server's options, with an `onFailure` that hears nothing of the fault itself. */
function quiet(options: ServerOptions = {}): ServerOptions {
  const { onFailure } = options;
  return {
    ...options,
    onFailure: (error, request) => {
      if (stemsFromFault(error)) return;
      if (onFailure === undefined) reportFailure("a handler", error);
      else onFailure(error, request);
    },
  };
}

/** How far an error's causes are followed. */
const MAX_CAUSES = 10;

function stemsFromFault(error: unknown, depth = 0): boolean {
  if (error instanceof InjectedFailure || error instanceof Cancelled) return true;
  if (!(error instanceof Error) || depth === MAX_CAUSES) return false;
  const { errors } = error as { readonly errors?: unknown };
  const others =
    error instanceof SuppressedError ? [error.error, error.suppressed] : Array.isArray(errors) ? errors : [];
  return [error.cause, ...(others as unknown[])].some((one) => stemsFromFault(one, depth + 1));
}

async function dispose(thing: unknown): Promise<void> {
  if (typeof thing !== "object" || thing === null) return;
  const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = thing as Partial<AsyncDisposable & Disposable>;
  if (later !== undefined) await later.call(thing);
  else now?.call(thing);
}

/** How many live, by kind. */
type Living = ReadonlyMap<string, number>;

function living(): Living {
  return new Map([...balance()].map(([kind, { live }]) => [kind, live]));
}

/** `lease: 1 where 0 were`; empty when there are no more than before. */
function more(before: Living, after: Living, kinds: readonly string[] = [...after.keys()]): string {
  return kinds
    .filter((kind) => (after.get(kind) ?? 0) > (before.get(kind) ?? 0))
    .map((kind) => `${kind}: ${after.get(kind) ?? 0} where ${before.get(kind) ?? 0} were`)
    .join(", ");
}

/** The lines that made what lives. */
function outstanding(kinds?: readonly string[]): string {
  const left = snapshot()?.sites.filter(({ kind, live }) => live > 0 && (kinds?.includes(kind) ?? true)) ?? [];
  return left.map(({ kind, live, site }) => `${live} × ${kind}, made at ${site}`).join("\n");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}
