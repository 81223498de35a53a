/** The check of options that are numbers, common to all databases. */

/** For each number the least and the most. */
export type Ranges<T> = { readonly [K in keyof T]?: readonly [least: number, most: number] };

/** The ranges of what every database has. */
export const COMMON_RANGES = {
  acquireTimeoutMs: [1, Infinity],
  maxWaiters: [1, 1_000_000],
  endTimeoutMs: [1, Infinity],
  closeTimeoutMs: [1, Infinity],
  statementCacheSize: [2, 1_000_000],
  maxRows: [1, Infinity],
} as const;

/** Throws TypeError for what is no number and RangeError for one that is out of its range, NaN among them. */
export function checkRanges<T extends object>(settings: T, ranges: Ranges<T>): void {
  for (const [name, range] of Object.entries<readonly [number, number] | undefined>(ranges)) {
    const [least, most] = range ?? [-Infinity, Infinity];
    const value: unknown = settings[name as keyof T];
    if (typeof value !== "number") {
      throw new TypeError(`Cannot open a database: found ${typeof value} for "${name}", wanted a number`);
    }
    if (!(value >= least && value <= most)) {
      throw new RangeError(`Cannot open a database: found ${value} for "${name}", wanted ${least} to ${most}`);
    }
  }
}
