/** What the stress test can be told, from the environment. */

/** What is planted to see that it is found. */
const PLANTS = ["leak"] as const;
export type Plant = (typeof PLANTS)[number];

export interface StressSettings {
  /** Coroutines that work at the same time. */
  readonly workers: number;
  /** How many operations each of them does. */
  readonly operations: number;
  /** Everything that is chosen at random follows from it. */
  readonly seed: number;
  /** The whole run may take this long, in seconds. */
  readonly limitS: number;
  readonly plant: Plant | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `STRESS_WORKERS`, `STRESS_OPS`, `STRESS_SEED`, `STRESS_LIMIT_S` and `STRESS_PLANT`; an empty one counts as not
 * set.
 *
 * @param chooseSeed Gives the seed where none is set.
 * @throws RangeError that names the variable, what it holds and what it may.
 */
export function readStressSettings(environment: Environment, chooseSeed: () => number): StressSettings {
  return {
    workers: whole(environment, "STRESS_WORKERS", 50, 1, 2_000),
    operations: whole(environment, "STRESS_OPS", 100, 1, 1_000_000),
    seed: whole(environment, "STRESS_SEED", chooseSeed(), 1, 0xffff_ffff),
    limitS: whole(environment, "STRESS_LIMIT_S", 120, 1, 86_400),
    plant: plant(environment),
  };
}

function whole(environment: Environment, name: string, normally: number, least: number, most: number): number {
  const text = environment[name] ?? "";
  if (text === "") return normally;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new RangeError(
    `Cannot use ${name}: found ${JSON.stringify(text)}, wanted a whole number from ${least} to ${most}`,
  );
}

function plant(environment: Environment): Plant | undefined {
  const text = environment["STRESS_PLANT"] ?? "";
  if (text === "") return undefined;
  const known = PLANTS.find((one) => one === text);
  if (known !== undefined) return known;
  throw new RangeError(
    `Cannot use STRESS_PLANT: found ${JSON.stringify(text)}, wanted ${PLANTS.join(" or ")}, or nothing`,
  );
}
