/** What a value holds, as far as that can be seen without running any code of the program. */

/** How far a returned value is looked through. What is deeper, or more, counts as what cannot be looked into. */
const MAX_DEPTH = 8;
const MAX_VISITED = 10_000;

/**
 * Visits the objects that a value plainly holds. True when it holds one that cannot be looked into, such as an instance of a
 * class, a function or a getter, or more than is looked through: what else was made may be in there. Nothing of the
 * program's own is run.
 *
 * @param visit Is called with each object. It says `"closed"` for one whose inside is of no interest, `"opaque"` for one
 * that may hold anything, and nothing for one to look into.
 */
export function visitHeld(value: unknown, visit: (thing: object) => "closed" | "opaque" | undefined): boolean {
  let visited = 0;
  let isOpaque = false;
  const walk = (one: unknown, depth: number): void => {
    if (typeof one === "function" || one === ACCESSOR) isOpaque = true;
    if (typeof one !== "object" || one === null) return;
    if (depth > MAX_DEPTH || visited++ >= MAX_VISITED) {
      isOpaque = true;
      return;
    }
    const inside = visit(one);
    if (inside !== undefined) isOpaque ||= inside === "opaque";
    else if (one instanceof Map) for (const pair of one) for (const part of pair) walk(part, depth + 1);
    else if (one instanceof Set) for (const part of one) walk(part, depth + 1);
    else if (isPlain(one)) for (const part of ownValues(one)) walk(part, depth + 1);
    else isOpaque ||= !(one instanceof Date || ArrayBuffer.isView(one) || one instanceof Error);
  };
  try {
    walk(value, 0);
  } catch {
    // A proxy refused to be looked at.
    isOpaque = true;
  }
  return isOpaque;
}

/** Whether it is an array, or an object of no class. */
export function isPlain(value: object): boolean {
  return [null, Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value) as object | null);
}

/** Stands for a property whose value only code of the program could tell. */
const ACCESSOR = Symbol("accessor");

/** The values of all own properties, symbols among the keys; of an accessor the mark of one. */
export function ownValues(value: object): unknown[] {
  return Reflect.ownKeys(value).map((key) => {
    const property = Reflect.getOwnPropertyDescriptor(value, key);
    return property !== undefined && "value" in property ? (property.value as unknown) : ACCESSOR;
  });
}
