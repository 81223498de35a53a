/**
 * Which content coding a client wants (RFC 9110 section 12.5.3).
 *
 * - A coding that is named has its own weight; `*` stands for those that are not named.
 * - `identity`, no coding at all, is acceptable unless it, or `*` without it, has the weight 0.
 * - A member that is malformed is left out, and so says nothing.
 */

/** Content codings that replies are made in, by their registered names. */
export type ContentCoding = "br" | "zstd" | "gzip";

/** All of them, the smallest content first. */
export const contentCodings: readonly ContentCoding[] = Object.freeze(["br", "zstd", "gzip"]);

const MEMBER = /^[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*$/i;
/** A field that names more is not read any further: there are not so many codings. */
const MAX_MEMBERS = 32;

/** The weights that an `Accept-Encoding` gives, by the coding's name in lower case. */
function parseWeights(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of field.split(",", MAX_MEMBERS)) {
    const match = MEMBER.exec(member);
    if (match === null) continue;
    const name = (match[1] as string).toLowerCase();
    // Its old name, which is the same coding (RFC 9110, 8.4.1.3).
    weights.set(name === "x-gzip" ? "gzip" : name, match[2] === undefined ? 1 : Number(match[2]));
  }
  return weights;
}

/**
 * The codings among `offered` that a client accepts, the one that it likes best first; among those that it likes alike
 * the order of `offered` counts. Codings that it likes less than no coding at all are left out. Empty without the field.
 *
 * @param field The value of `Accept-Encoding`; `undefined` when there is none.
 * @example acceptableCodings("gzip, br;q=0.9", ["br", "gzip"]) // ["gzip", "br"]
 */
export function acceptableCodings<Coding extends string>(
  field: string | undefined,
  offered: readonly Coding[],
): Coding[] {
  if (field === undefined || field === "") return [];
  const weights = parseWeights(field);
  const rest = weights.get("*") ?? 0;
  // What nobody has named is acceptable, and liked least.
  const identity = weights.get("identity") ?? 0;
  const weightOf = (coding: Coding): number => weights.get(coding) ?? rest;
  return offered
    .filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= identity)
    .sort((a, b) => weightOf(b) - weightOf(a));
}

/** Whether a client takes content without a coding. */
export function acceptsIdentity(field: string | undefined): boolean {
  if (field === undefined || !field.includes("0")) return true;
  const weights = parseWeights(field);
  return (weights.get("identity") ?? weights.get("*") ?? 1) > 0;
}
