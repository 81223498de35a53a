/** The request target of a route, with its parameters and its query encoded (RFC 3986, and the URL Standard's forms). */
import type { Route } from "./route.ts";

/** What can stand in a path or a query. */
type Value = string | number | boolean | bigint;

/**
 * Path and query of a request on a route: `"/articles/a%2Fb?tag=x&tag=y"`.
 *
 * @throws TypeError for a parameter that is missing, empty, or `.` or `..`, which URLs take out of a path; for a path that would
 * begin with `//`, behind which a URL has another host; for a value that is
 * no text, number or boolean, nor in the query a list of them; for text that is no Unicode.
 */
export function requestTarget(
  { method, path }: Pick<Route, "method" | "path">,
  params: Readonly<Record<string, unknown>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string {
  const refuse = (found: string): never => {
    throw new TypeError(`Cannot call ${method} ${path}: ${found}`);
  };
  const textOf = (name: string, value: unknown): string => {
    if (!isValue(value)) return refuse(`found ${value === null ? "null" : typeof value} as "${name}"`);
    const text = String(value);
    return text.isWellFormed() ? text : refuse(`found text that is no Unicode as "${name}"`);
  };
  const segments = path.split("/").flatMap((segment): string[] => {
    const kind = segment[0];
    if (kind !== ":" && kind !== "*") return [segment];
    const name = segment.slice(1);
    const text = textOf(name, params[name]);
    const parts = kind === "*" ? text.split("/") : [text];
    if (text === "" && kind === ":") refuse(`found "${name}" empty`);
    if (parts.some((part) => part === "." || part === "..")) refuse(`found a dot segment in "${name}"`);
    return parts.map(encodeURIComponent);
  });
  if (segments.length > 2 && segments[1] === "") refuse('found "//" at the start of the path');
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.map((one): [string, string] => [name, textOf(name, one)]);
  });
  return segments.join("/") + (pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`);
}

function isValue(value: unknown): value is Value {
  return ["string", "number", "boolean", "bigint"].includes(typeof value);
}
