/** What a scenario gives: figures to read, and verdicts that need no reader. */

export interface Verdict {
  readonly what: string;
  readonly found: string;
  readonly wanted: string;
  readonly met: boolean;
}

export class Outcome {
  readonly figures: [name: string, value: string][] = [];
  readonly verdicts: Verdict[] = [];

  figure(name: string, value: number | string, unit = "", digits = 0): void {
    this.figures.push([name, typeof value === "string" ? value : `${value.toFixed(digits)}${unit}`]);
  }

  atMost(what: string, found: number, most: number, unit = "", digits = 1): void {
    const show = (value: number): string => `${value.toFixed(digits)}${unit}`;
    this.verdicts.push({ what, found: show(found), wanted: `at most ${show(most)}`, met: found <= most });
  }

  atLeast(what: string, found: number, least: number): void {
    this.verdicts.push({ what, found: String(found), wanted: `at least ${least}`, met: found >= least });
  }

  equal(what: string, found: number | string | null, wanted: number | string): void {
    this.verdicts.push({ what, found: String(found), wanted: String(wanted), met: found === wanted });
  }

  /** The verdicts that are not met, one a line. */
  get failures(): string[] {
    return this.verdicts
      .filter(({ met }) => !met)
      .map(({ what, found, wanted }) => `${what}: ${found}, wanted ${wanted}`);
  }

  toString(): string {
    const figures = this.figures.map(([name, value]) => `  ${name}: ${value}`);
    const verdicts = this.verdicts.map(
      ({ what, found, wanted, met }) => `  ${met ? "met   " : "MISSED"} ${what}: ${found} (${wanted})`,
    );
    return [...figures, ...verdicts].join("\n");
  }
}

/** The bound of a p99 under disturbance: twice what it was, or a few ms where that is less than the machine's own noise. */
export function disturbedBoundMs(unloadedMs: number, noiseMs: number): number {
  return Math.max(2 * unloadedMs, unloadedMs + noiseMs);
}
