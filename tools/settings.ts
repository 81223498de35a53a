/** Settings of tools, from the environment. */

/**
 * A whole number from 1 to `most`; `normally` when the variable is absent or empty.
 *
 * @throws RangeError that names the variable.
 */
export function readWhole(name: string, normally: number, most: number, environment = process.env): number {
  const text = environment[name] ?? "";
  if (text === "") return normally;
  if (/^\d{1,15}$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text);
  throw new RangeError(`Cannot use ${name}: found ${JSON.stringify(text)}, wanted a whole number from 1 to ${most}`);
}
