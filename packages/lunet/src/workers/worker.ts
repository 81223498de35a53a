/**
 * One worker: a process, from its start to its end.
 *
 * State, in this order, never back: starting → serving → ended; a worker that is told to drain may be in any of them. It
 * serves from its first socket on. A cancel of the scope that it was made in drains it, and kills it after the grace.
 */
import { ended, made, TRACE } from "#trace";
import { Cancelled, DeadlineError, shield, sleep, spawn, suspend, withDeadline, type Coroutine } from "../co/mod.ts";
import { monotonicMs } from "../host/clock.ts";
import { FIRST_VARIABLE, GRACE_VARIABLE, SHARING_VARIABLE, WORKER_VARIABLE } from "../host/worker-channel.ts";
import type { WorkerOrder, WorkerReport } from "../host/worker-messages.ts";
import { startWorkerProcess, type SocketHandle, type WorkerProcess } from "../host/worker-processes.ts";
import type { WorkerSettings } from "./options.ts";

/** How long the system may take to end a process that was killed. */
const KILL_MS = 10_000;

/** How a process ended. */
export interface WorkerEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly error: Error | undefined;
}

/** Who hears what a worker reports. */
export interface WorkerOwner {
  onReport(worker: Worker, report: WorkerReport, handle: SocketHandle | undefined): void;
  onEnd(worker: Worker): void;
  /** It was killed: it did not serve, or did not end, in time. */
  onKill(worker: Worker, why: "start" | "grace"): void;
}

export class Worker {
  readonly number: number;
  readonly isFirst: boolean;
  /** Whom it replaces in a reload, until that has ended. */
  predecessor: Worker | undefined;
  readonly startedMs = monotonicMs();
  /** Where it listens. */
  readonly places = new Set<string>();
  readonly process: WorkerProcess;
  readonly #settings: WorkerSettings;
  readonly #owner: WorkerOwner;
  readonly #life: Coroutine<WorkerEnd>;
  readonly #startWaiters = new Set<() => void>();
  #servingSinceMs: number | undefined;
  #end: WorkerEnd | undefined;
  #exited: ((end: WorkerEnd) => void) | undefined;
  #understands = false;
  #drains = 0;

  constructor(
    settings: WorkerSettings,
    owner: WorkerOwner,
    which: { readonly number: number; readonly isFirst: boolean; readonly predecessor: Worker | undefined },
  ) {
    this.#settings = settings;
    this.#owner = owner;
    this.number = which.number;
    this.isFirst = which.isFirst;
    this.predecessor = which.predecessor;
    const environment = {
      ...settings.environment,
      [WORKER_VARIABLE]: String(which.number),
      [FIRST_VARIABLE]: which.isFirst ? "yes" : "no",
      [SHARING_VARIABLE]: settings.sharing,
      [GRACE_VARIABLE]: String(settings.graceMs),
    };
    this.process = startWorkerProcess(
      { program: settings.program, args: settings.args, nodeArgs: settings.nodeArgs, environment },
      {
        onReport: (report, handle) => this.#receive(report, handle),
        onExit: (status, signal, error) => this.#exit({ status, signal, error }),
      },
    );
    if (TRACE) made("process", this.process, undefined, this.name);
    this.#life = spawn(() => this.#live(), { name: this.name });
  }

  /** For people: number and process. */
  get name(): string {
    return `worker ${this.number} (pid ${this.process.pid})`;
  }

  get isServing(): boolean {
    return this.#servingSinceMs !== undefined && this.#end === undefined;
  }

  /** Whether it has ever served. */
  get hasServed(): boolean {
    return this.#servingSinceMs !== undefined;
  }

  /** For how long it has served, in milliseconds. */
  get servedMs(): number {
    return this.#servingSinceMs === undefined ? 0 : monotonicMs() - this.#servingSinceMs;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** True once it was told to end. */
  get isDraining(): boolean {
    return this.#drains > 0;
  }

  /** Waits until it serves; false if it ended before. */
  async waitServing(): Promise<boolean> {
    if (this.hasServed || this.#end !== undefined) return this.hasServed;
    await this.#nextPlace();
    return this.hasServed;
  }

  /** Waits until it listens wherever another one does, or has ended; no longer than a start may take. */
  async waitPlaces(other: Worker): Promise<void> {
    const isThere = (): boolean => this.hasEnded || [...other.places].every((place) => this.places.has(place));
    try {
      await withDeadline(this.#settings.startTimeoutMs, async () => {
        while (!isThere()) await this.#nextPlace();
      });
    } catch (error) {
      // A socket that the other one has made as it went may never be wanted again.
      if (!(error instanceof DeadlineError)) throw error;
    }
  }

  #nextPlace(): Promise<void> {
    return suspend<void>(`sockets of ${this.name}`, (resume) => {
      this.#startWaiters.add(resume);
      return () => void this.#startWaiters.delete(resume);
    });
  }

  /** Waits for its end. */
  ended(): Promise<WorkerEnd> {
    return this.#life.join();
  }

  /** Tells it to end: once in order, a second time at once. */
  drain(): void {
    this.#drains++;
    if (this.#understands) this.process.send({ lunet: "drain", times: this.#drains });
    // It may not have come to its run(), or have none.
    else this.process.kill("SIGTERM");
  }

  /** Waits for the end of a worker that was told to, and kills it after so long. */
  async retire(graceMs: number): Promise<WorkerEnd> {
    const killing = spawn(
      async () => {
        await sleep(graceMs);
        this.#owner.onKill(this, "grace");
        this.kill();
      },
      { name: `grace of ${this.name}` },
    );
    const end = await this.ended();
    killing.cancel();
    return end;
  }

  kill(): void {
    this.process.kill("SIGKILL");
  }

  send(order: WorkerOrder): void {
    this.process.send(order);
  }

  #receive(report: WorkerReport, handle: SocketHandle | undefined): void {
    if (report.lunet === "joined") this.#understands = true;
    if (report.lunet === "bound") {
      this.places.add(report.place);
      this.#servingSinceMs ??= monotonicMs();
      this.#wakeStartWaiters();
    }
    this.#owner.onReport(this, report, handle);
  }

  #exit(end: WorkerEnd): void {
    this.#end = end;
    if (TRACE) ended("process", this.process);
    this.#exited?.(end);
    this.#wakeStartWaiters();
    this.#owner.onEnd(this);
  }

  #wakeStartWaiters(): void {
    for (const wake of this.#startWaiters) wake();
    this.#startWaiters.clear();
  }

  async #live(): Promise<WorkerEnd> {
    const watch = spawn(() => this.#watchStart(), { name: `start of ${this.name}` });
    try {
      return await this.#waitExit();
    } catch (error) {
      if (error instanceof Cancelled) await this.#unwind();
      throw error;
    } finally {
      watch.cancel();
    }
  }

  async #watchStart(): Promise<void> {
    await sleep(this.#settings.startTimeoutMs);
    if (this.hasServed) return;
    this.#owner.onKill(this, "start");
    this.kill();
  }

  #waitExit(): Promise<WorkerEnd> {
    return suspend<WorkerEnd>(`end of ${this.name}`, (resume) => {
      if (this.#end !== undefined) resume(this.#end);
      else this.#exited = resume;
      return () => (this.#exited = undefined);
    });
  }

  /** Whoever owns it is cancelled: no process stays behind. */
  async #unwind(): Promise<void> {
    if (!this.isDraining) this.drain();
    try {
      await shield(Math.max(1, this.#settings.graceMs), () => this.#waitExit());
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      this.#owner.onKill(this, "grace");
      this.kill();
      await shield(KILL_MS, () => this.#waitExit());
    }
  }
}
