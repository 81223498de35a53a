/**
 * Conditional requests (RFC 9110 section 13): whether the client's copy is the one that is here.
 *
 * The fields are looked at in the order of section 13.2.2. A field that is malformed is as one that never matches; a date
 * that is none is as no field.
 */
import { parseHttpDate } from "../http-date.ts";
import { wallMs } from "../../time/mod.ts";
import type { HttpRequest } from "../request.ts";

/** What tells one version of a representation from another. */
export interface Validators {
  /** An entity tag: `"…"`, or `W/"…"` when two versions might share it (RFC 9110, 8.8.3). */
  readonly tag: string;
  readonly modifiedMs: number;
}

/** `"failed"` is answered 412, `"unchanged"` 304. */
export type PreconditionOutcome = "met" | "unchanged" | "failed";

const TAGS = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;

/** Evaluates the preconditions of a GET or HEAD. */
export function evaluatePreconditions(request: HttpRequest, validators: Validators): PreconditionOutcome {
  const ifMatch = request.field("if-match");
  if (ifMatch !== undefined) {
    if (!matchesStrongly(ifMatch, validators.tag)) return "failed";
  } else {
    const unmodifiedMs = dateOf(request, "if-unmodified-since");
    if (unmodifiedMs !== undefined && wholeSeconds(validators.modifiedMs) > unmodifiedMs) return "failed";
  }
  const ifNoneMatch = request.field("if-none-match");
  if (ifNoneMatch !== undefined) return matchesWeakly(ifNoneMatch, validators.tag) ? "unchanged" : "met";
  const modifiedMs = dateOf(request, "if-modified-since");
  return modifiedMs !== undefined && wholeSeconds(validators.modifiedMs) <= modifiedMs ? "unchanged" : "met";
}

/**
 * Whether a `Range` is to be regarded, as `If-Range` says (RFC 9110, 13.1.5): the tag has to match strongly. A date has to be
 * the very one, and the tag strong as well: only then is it known that nothing was written within the date's second.
 */
export function allowsRange(request: HttpRequest, { tag, modifiedMs }: Validators): boolean {
  const field = request.field("if-range");
  if (field === undefined) return true;
  if (field.startsWith('"') || field.startsWith("W/")) return field === tag && !tag.startsWith("W/");
  return !tag.startsWith("W/") && parseHttpDate(field, wallMs()) === wholeSeconds(modifiedMs);
}

function dateOf(request: HttpRequest, name: string): number | undefined {
  const field = request.field(name);
  return field === undefined ? undefined : parseHttpDate(field, wallMs());
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}

function matchesStrongly(field: string, tag: string): boolean {
  if (field.trim() === "*") return true;
  return !tag.startsWith("W/") && [...field.matchAll(TAGS)].some(([whole]) => whole === tag);
}

function matchesWeakly(field: string, tag: string): boolean {
  if (field.trim() === "*") return true;
  const opaque = tag.startsWith("W/") ? tag.slice(2) : tag;
  return [...field.matchAll(TAGS)].some((match) => match[2] === opaque);
}
