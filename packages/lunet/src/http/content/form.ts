/** Forms without files, application/x-www-form-urlencoded (URL Standard, 5.1). */
import { decodeText } from "../content-text.ts";
import { HttpError } from "../http-error.ts";
import type { HttpRequest } from "../request.ts";
import { parseQuery, type Query } from "../target.ts";
import { formTooLarge, malformedForm, requireMediaType } from "./form-part-head.ts";

/** Limits of a form, all inclusive. */
export interface FormLimits {
  /** Pairs of name and value. Default 100. */
  readonly maxFields: number;
  /** Bytes of the whole form, encoded. Default 65,536. What `maxContentBytes` of the server refuses does not come here. */
  readonly maxBytes: number;
}

/** What holds for a limit that is not given. */
export const defaultFormLimits: Readonly<FormLimits> = Object.freeze({ maxFields: 100, maxBytes: 65_536 });

/**
 * The content as a form: pairs of name and value, in their order. Nothing is trimmed, and nothing that is malformed is
 * mended: a `%` without two hex digits, or bytes that are not UTF-8, are answered 400 (`ERR_HTTP_FORM`).
 *
 * @throws HttpError 415 (`ERR_HTTP_MEDIA_TYPE`) for another type, 413 (`ERR_HTTP_FORM_TOO_LARGE`) past a limit, 400; as
 * `request.content`; RangeError for limits out of range.
 * @example
 * ```ts
 * import { form, redirect, Router } from "lunet/http";
 * const router = new Router();
 * router.post("/search", async (request) => {
 *   const fields = await form(request, { maxFields: 10 });
 *   return redirect(`/articles?tag=${encodeURIComponent(fields.get("tag") ?? "")}`, 303);
 * });
 * ```
 */
export async function form(request: HttpRequest, limits: Partial<FormLimits> = {}): Promise<Query> {
  const { maxFields, maxBytes } = { ...defaultFormLimits, ...limits };
  for (const [name, value] of Object.entries({ maxFields, maxBytes })) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new RangeError(`Cannot read a form: found ${name} ${value}, wanted a whole number from 0`);
  }
  requireMediaType(request.field("content-type"), "application/x-www-form-urlencoded");
  const text = await readText(request, maxBytes);
  let pairs = 0;
  for (const pair of text.split("&")) if (pair !== "") pairs++;
  if (pairs > maxFields) throw formTooLarge("maxFields", maxFields);
  try {
    return parseQuery(text, { maxPairs: maxFields });
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    throw malformedForm("no percent-encoded UTF-8", undefined, cause);
  }
}

async function readText(request: HttpRequest, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of request.content()) {
    bytes += piece.length;
    if (bytes > maxBytes) throw formTooLarge("maxBytes", maxBytes);
    pieces.push(piece);
  }
  return decodeText(pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces));
}
