/** What a load has done, and what the server did wrong: counted by all clients together. */

/** More than any answer takes on a machine that is busy with the load itself. */
export const STEP_LIMIT_MS = 20_000;
const MAX_KEPT_FAULTS = 20;
/** A server that is gone would have every client fail again and again. */
export const MAX_FAULTS = 200;

export interface LoadOptions {
  readonly url: string;
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
  /** Ends the load early. */
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly byStatus: ReadonlyMap<number, number>;
  /** Requests that the client left in the middle. */
  readonly aborted: number;
  readonly byStep: ReadonlyMap<string, number>;
  /** Answers that must not be, and connections that failed by no fault of the client. */
  readonly faults: number;
  /** The first of them. */
  readonly faultTexts: readonly string[];
}

/** Thrown by a step for what the server must not do. */
export class Fault extends Error {}

export class Tally {
  readonly #byStatus = new Map<number, number>();
  readonly #byStep = new Map<string, number>();
  readonly #faultTexts: string[] = [];
  requests = 0;
  aborted = 0;
  faults = 0;

  status(status: number): void {
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
  }

  step(name: string): void {
    this.#byStep.set(name, (this.#byStep.get(name) ?? 0) + 1);
  }

  fault(text: string): void {
    this.faults++;
    if (this.#faultTexts.length < MAX_KEPT_FAULTS) this.#faultTexts.push(text);
  }

  result(): Omit<LoadResult, "seconds"> {
    const { requests, aborted, faults } = this;
    const byStatus = new Map([...this.#byStatus].sort(([a], [b]) => a - b));
    return { requests, aborted, faults, byStatus, byStep: this.#byStep, faultTexts: this.#faultTexts };
  }
}

/** A result, as lines for a person. */
export function loadLines({ requests, seconds, byStatus, aborted, byStep, faults }: LoadResult): string[] {
  const list = <K>(counts: ReadonlyMap<K, number>): string =>
    [...counts].map(([what, count]) => `${String(what)}: ${count}`).join(", ");
  return [
    `${requests} requests, ${Math.round(requests / seconds)}/s; left in the middle: ${aborted}; faults: ${faults}`,
    `by status: ${list(byStatus)}`,
    `by step: ${list(byStep)}`,
  ];
}
