/** What the benchmarks have in common: their settings, and how rounds become one figure. */

/** A whole number from the environment, from 1 to 100,000. Throws RangeError that says what was found. */
export function setting(name: string, normally: number): number {
  const value = Number(process.env[name] ?? normally);
  if (Number.isInteger(value) && value >= 1 && value <= 100_000) return value;
  throw new RangeError(`Cannot use ${name}: found "${process.env[name]}", wanted a whole number from 1 to 100000`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** The median of the ratios round by round, which cancels what the machine did to both. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? NaN)));
}

/** The smallest and the largest of some figures. */
export function range(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}
