/**
 * The supervisor: starts the workers, replaces those that die, reloads them one after the other, and ends them all.
 *
 * - The first worker is started alone. When it serves, the others follow: so a program that cannot start says why once,
 *   and what a first start makes (tables, keys, the port that 0 stands for) is there for the others.
 * - What dies is replaced, with pauses (`BackOff`). When start after start comes to nothing and no worker serves, the
 *   supervisor gives up with the last one's status.
 * - SIGHUP: for each worker in turn a new one is started, and when it serves the old one drains. One that does not come to
 *   serve ends the reload, and the old one stays.
 * - SIGTERM, SIGINT: all drain. A second one cuts them off.
 */
import { captureContext, CoroutineCancelledError, scope, sleep, spawn, suspend } from "../co/mod.ts";
import { monotonicMs } from "../host/clock.ts";
import { onSignal } from "../host/process.ts";
import type { Address } from "../host/transport.ts";
import type { WorkerReport } from "../host/worker-messages.ts";
import type { SocketHandle } from "../host/worker-processes.ts";
import { BackOff } from "./back-off.ts";
import { describeAddress, describeEnd, describePause, statusOf } from "./describe.ts";
import type { WorkerEvent } from "./event.ts";
import { ListeningPlaces } from "./listening-places.ts";
import type { WorkerSettings } from "./options.ts";
import { Worker, type WorkerEnd, type WorkerOwner } from "./worker.ts";

/** After a second signal a worker has so long to end at once. */
const INSIST_MS = 2_000;
/** What a process ends with that the trace build stops, because something was left. */
const TRACE_STATUS = 134;

/** A number for a worker, and who has it now. */
interface Slot {
  readonly number: number;
  readonly backOff: BackOff;
  worker: Worker | undefined;
  /** Who is to take over, in a reload. */
  successor: Worker | undefined;
}

/** Start after start came to nothing. */
class GaveUp extends Error {
  readonly status: number;

  constructor(status: number) {
    super("gave up");
    this.status = status;
  }
}

export class Supervisor implements WorkerOwner {
  readonly #settings: WorkerSettings;
  readonly #tell: (event: WorkerEvent) => void;
  readonly #slots: readonly Slot[];
  readonly #places = new ListeningPlaces();
  readonly #alive = new Set<Worker>();
  readonly #addresses = new Set<string>();
  /** Runs what it is given in the scope that all workers belong to. */
  readonly #inSupervisor: <T>(body: () => T) => T;
  #hasServed = false;
  #wakeFirst: (() => void) | undefined;
  #failedStarts = 0;
  /** What counts at the end, beside how the workers end then. */
  #status = 0;
  #reloadsAsked = 0;
  #wakeReload: (() => void) | undefined;

  /** Made in the scope that the workers are to belong to. */
  constructor(settings: WorkerSettings, tell: (event: WorkerEvent) => void) {
    this.#settings = settings;
    this.#tell = tell;
    this.#inSupervisor = captureContext();
    this.#slots = Array.from({ length: settings.count }, (_, index) => ({
      number: index + 1,
      backOff: new BackOff(settings.restartDelayMs, settings.maxRestartDelayMs),
      worker: undefined,
      successor: undefined,
    }));
  }

  /** Runs the workers until a signal or giving up ends them. Gives the exit status. */
  async run(): Promise<number> {
    const stopped = new StopSignals(() => this.#askReload());
    try {
      const tending = spawn(() => this.#tend(), { name: "workers" });
      const stopping = spawn(async () => {
        const signal = await stopped.wait();
        this.#tell({ kind: "stopping", level: "info", message: `${signal}: draining ${this.#alive.size} workers` });
        tending.cancel({ reason: signal });
      });
      const gaveUp = await tending.join().catch(ignoreCancel);
      stopping.cancel();
      return await this.#endAll(stopped, gaveUp);
    } finally {
      stopped.stop();
    }
  }

  onReport(worker: Worker, report: WorkerReport, handle: SocketHandle | undefined): void {
    if (report.lunet === "bound") this.#serves(worker, report.address);
    this.#inSupervisor(() => this.#places.receive(worker, report, handle));
  }

  onEnd(worker: Worker): void {
    this.#alive.delete(worker);
    for (const other of this.#alive) if (other.predecessor === worker) other.predecessor = undefined;
    this.#inSupervisor(() => this.#places.forget(worker));
  }

  onKill(worker: Worker, why: "start" | "grace"): void {
    const { startTimeoutMs } = this.#settings;
    const reason = why === "start" ? `did not listen within ${startTimeoutMs} ms` : "did not end within its grace";
    this.#report(worker, "killed", "error", `${reason}: killed`);
  }

  #report(worker: Worker, kind: WorkerEvent["kind"], level: WorkerEvent["level"], message: string): void {
    const { number, name, process } = worker;
    this.#tell({ kind, level, message: `${name} ${message}`, worker: number, pid: process.pid });
  }

  #serves(worker: Worker, address: Address): void {
    const where = describeAddress(address);
    this.#hasServed = true;
    this.#failedStarts = 0;
    this.#wakeFirst?.();
    this.#wakeFirst = undefined;
    if (!this.#addresses.has(where)) {
      this.#addresses.add(where);
      const message = `listening on ${where} with ${this.#settings.count} workers`;
      this.#tell({ kind: "listening", level: "info", message });
    }
    const tookMs = Math.round(monotonicMs() - worker.startedMs);
    this.#report(worker, "serving", "info", `serves ${where} after ${tookMs} ms`);
  }

  #start(slot: Slot, predecessor?: Worker): Worker {
    const which = { number: slot.number, isFirst: !this.#hasServed, predecessor };
    const worker = this.#inSupervisor(() => new Worker(this.#settings, this, which));
    this.#alive.add(worker);
    return worker;
  }

  /** Keeps every worker alive, until it is cancelled. */
  async #tend(): Promise<GaveUp | undefined> {
    try {
      await scope(async () => {
        const [first, ...others] = this.#slots as [Slot, ...Slot[]];
        spawn(() => this.#keep(first), { name: `keep worker ${first.number}` });
        await this.#firstServes();
        for (const slot of others) spawn(() => this.#keep(slot), { name: `keep worker ${slot.number}` });
        await Promise.all(others.map(async (slot) => slot.worker?.waitServing()));
        for (;;) {
          await this.#reloadAsked();
          await this.#reload();
        }
      });
      return undefined;
    } catch (error) {
      if (error instanceof GaveUp) return error;
      throw error;
    }
  }

  async #firstServes(): Promise<void> {
    if (this.#hasServed) return;
    await suspend<void>("a worker that serves", (resume) => {
      this.#wakeFirst = resume;
      return () => (this.#wakeFirst = undefined);
    });
  }

  /** Starts a worker, and another one whenever it has ended. */
  async #keep(slot: Slot): Promise<void> {
    slot.worker = this.#start(slot);
    for (;;) {
      const worker: Worker = slot.worker;
      const end = await worker.ended();
      // A reload has put another one into its place, or is about to.
      if (slot.worker !== worker) continue;
      if (slot.successor !== undefined) {
        this.#reportEnd(worker, end);
        slot.worker = slot.successor;
        continue;
      }
      const delayMs = this.#judge(slot, worker, end);
      await sleep(delayMs);
      if (slot.worker === worker) slot.worker = slot.successor ?? this.#start(slot);
    }
  }

  /** Decides about a worker that has ended. Gives the pause before the next one. */
  #judge(slot: Slot, worker: Worker, end: WorkerEnd): number {
    this.#reportEnd(worker, end);
    if (!worker.hasServed) this.#failedStarts++;
    const { stableMs } = this.#settings;
    if (!worker.hasServed && ![...this.#alive].some((other) => other.isServing)) this.#judgeStart(end);
    if (worker.hasServed && worker.servedMs >= stableMs) slot.backOff.reset();
    const delayMs = slot.backOff.next();
    this.#tell({
      kind: "restarting",
      level: "info",
      message: `worker ${slot.number} is started again ${describePause(delayMs)}`,
      worker: slot.number,
    });
    return delayMs;
  }

  /** Gives up where another start would come to nothing, too. Nothing serves. */
  #judgeStart(end: WorkerEnd): void {
    const { maxFailedStarts, finalStatuses } = this.#settings;
    const status = statusOf(end);
    if (status === 0 && !this.#hasServed) {
      const message = "the program ended before it listened: there is nothing to keep alive";
      this.#tell({ kind: "gave-up", level: "info", message });
      throw new GaveUp(0);
    }
    const found = finalStatuses.includes(status)
      ? "a status that stays the same"
      : `${this.#failedStarts} starts in a row that ended before they served`;
    if (!finalStatuses.includes(status) && this.#failedStarts < maxFailedStarts) return;
    this.#tell({ kind: "gave-up", level: "error", message: `giving up: found ${found}, status ${status}` });
    throw new GaveUp(status || 1);
  }

  /** Says how a worker has ended, and keeps what must not be forgotten of it. */
  #reportEnd(worker: Worker, end: WorkerEnd): void {
    const isAborted = statusOf(end) === TRACE_STATUS;
    if (isAborted) this.#status = TRACE_STATUS;
    const isInOrder = end.status === 0 && worker.hasServed;
    this.#report(worker, "ended", isInOrder ? "warning" : "error", describeEnd(end, worker.servedMs, worker.hasServed));
  }

  #askReload(): void {
    this.#reloadsAsked++;
    this.#wakeReload?.();
  }

  async #reloadAsked(): Promise<void> {
    if (this.#reloadsAsked === 0) {
      await suspend<void>("SIGHUP", (resume) => {
        this.#wakeReload = resume;
        return () => (this.#wakeReload = undefined);
      });
    }
    this.#wakeReload = undefined;
    // Those that came together are one; one that comes while this one goes on is another.
    this.#reloadsAsked = 0;
  }

  async #reload(): Promise<void> {
    const startedMs = monotonicMs();
    this.#tell({ kind: "reloading", level: "info", message: `SIGHUP: reloading ${this.#slots.length} workers` });
    for (const slot of this.#slots) {
      if (!(await this.#replace(slot))) {
        const message = `reload given up at worker ${slot.number}: the new one did not serve, the old ones go on`;
        this.#tell({ kind: "reload-failed", level: "error", message });
        return;
      }
    }
    const tookMs = Math.round(monotonicMs() - startedMs);
    this.#tell({ kind: "reloaded", level: "info", message: `reloaded ${this.#slots.length} workers in ${tookMs} ms` });
  }

  /** Puts a new worker into the place of one. False if it did not come to serve. */
  async #replace(slot: Slot): Promise<boolean> {
    const old = slot.worker as Worker;
    const next = this.#start(slot, old.hasEnded ? undefined : old);
    slot.successor = next;
    try {
      if (!(await next.waitServing())) {
        if (slot.worker === old) this.#reportEnd(next, await next.ended());
        return false;
      }
      // A program may listen in several places, one after the other: none is to be left to nobody.
      await next.waitPlaces(old);
      slot.worker = next;
    } finally {
      slot.successor = undefined;
    }
    if (!old.hasEnded) await this.#retire(old);
    return true;
  }

  async #retire(worker: Worker): Promise<void> {
    worker.drain();
    this.#report(worker, "draining", "info", "drains");
    const end = await worker.retire(this.#settings.graceMs);
    this.#reportRetired(worker, end);
  }

  #reportRetired(worker: Worker, end: WorkerEnd): void {
    const status = statusOf(end);
    // A program that does not listen for signals is ended by the one that it was told to end with.
    if (status === 0 || end.signal === "SIGTERM") {
      this.#report(worker, "ended", "info", "has drained");
      return;
    }
    if (this.#status === 0) this.#status = status;
    this.#report(worker, "ended", "error", describeEnd(end, worker.servedMs, worker.hasServed));
  }

  /** Drains what is left, and gives the status of it all. */
  async #endAll(stopped: StopSignals, gaveUp: GaveUp | undefined): Promise<number> {
    const workers = [...this.#alive];
    const insisting = spawn(
      async () => {
        if (gaveUp !== undefined) await stopped.wait();
        await stopped.wait();
        this.#tell({
          kind: "stopping",
          level: "warning",
          message: `told again: cutting off ${this.#alive.size} workers`,
        });
        for (const worker of this.#alive) worker.drain();
        await sleep(INSIST_MS);
        for (const worker of this.#alive) {
          this.onKill(worker, "grace");
          worker.kill();
        }
      },
      { name: "second signal" },
    );
    await scope(() => {
      for (const worker of workers) {
        if (!worker.isDraining) worker.drain();
        spawn(async () => this.#reportRetired(worker, await worker.retire(this.#settings.graceMs)));
      }
    });
    insisting.cancel();
    return this.#status !== 0 ? this.#status : (gaveUp?.status ?? 0);
  }
}

function ignoreCancel(error: unknown): undefined {
  if (!(error instanceof CoroutineCancelledError)) throw error;
  return undefined;
}

/**
 * The signals that tell the supervisor to end. It listens all the time, since a signal between two waits would end the
 * process at once and leave the workers to themselves.
 */
class StopSignals {
  readonly #stops: readonly (() => void)[];
  #waiting: ((signal: NodeJS.Signals) => void) | undefined;
  readonly #come: NodeJS.Signals[] = [];

  constructor(onReload: () => void) {
    this.#stops = [
      onSignal("SIGHUP", onReload),
      ...(["SIGTERM", "SIGINT"] as const).map((signal) => onSignal(signal, () => this.#receive(signal))),
    ];
  }

  #receive(signal: NodeJS.Signals): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#come.push(signal);
    else waiting(signal);
  }

  /** Waits for the next one. */
  async wait(): Promise<NodeJS.Signals> {
    return (
      this.#come.shift() ??
      suspend<NodeJS.Signals>("SIGTERM or SIGINT", (resume) => {
        this.#waiting = resume;
        return () => (this.#waiting = undefined);
      })
    );
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}
