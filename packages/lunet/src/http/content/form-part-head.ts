/** What stands before a form's parts: their boundary, and the fields of each (RFC 7578, RFC 2046 section 5.1). */
import { HttpError, quote } from "../http-error.ts";
import { mediaTypeOf } from "./media-type.ts";

/** The fields of one part: values by name in lower case, one character for each byte. */
export type PartFields = Readonly<Record<string, readonly string[]>>;

/** What the fields of a part say. */
export interface PartHead {
  readonly name: string;
  readonly filename: string | undefined;
  readonly type: string;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const PARAMETER = new RegExp(`[ \\t]*;[ \\t]*(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\[^])*)")[ \\t]*`, "y");
const DISPOSITION = /^[ \t]*form-data(?=[ \t]*(?:;|$))/i;
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /[\x00-\x1f\x7f]/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A form is not what it must be: 400, with the name of its part as far as that is known. */
export function malformedForm(found: string, part?: string, cause?: unknown): HttpError {
  const where = part === undefined ? "" : ` in part ${quote(part)}`;
  return new HttpError("ERR_HTTP_FORM", `Cannot read the form: found ${found}${where}`, {
    cause,
    ...(part === undefined ? undefined : { details: { part } }),
  });
}

/** A form is past a limit: 413, with the limit's name, and the name of its part as far as that is known. */
export function formTooLarge(limit: string, value: number, part?: string): HttpError {
  const where = part === undefined ? "" : ` in part ${quote(part)}`;
  return new HttpError("ERR_HTTP_FORM_TOO_LARGE", `Cannot read the form: found more than ${limit}, ${value}${where}`, {
    details: part === undefined ? { limit } : { limit, part },
  });
}

/** Refuses content of another type than a form's. Throws `HttpError` 415 (`ERR_HTTP_MEDIA_TYPE`). */
export function requireMediaType(contentType: string | undefined, wanted: string): void {
  if (contentType !== undefined && mediaTypeOf(contentType) === wanted) return;
  const found = contentType === undefined ? "no type" : quote(contentType);
  throw new HttpError("ERR_HTTP_MEDIA_TYPE", `Cannot read the form: found ${found}, wanted ${wanted}`);
}

/** The boundary that a `Content-Type` of multipart/form-data names. Throws `HttpError` 415 and 400. */
export function parseBoundary(contentType: string | undefined): string {
  requireMediaType(contentType, "multipart/form-data");
  const value = contentType as string;
  const start = value.indexOf(";");
  const parameters = start === -1 ? undefined : parseParameters(value.slice(start));
  const boundary = parameters?.get("boundary");
  if (boundary === undefined || !BOUNDARY.test(boundary)) throw malformedForm("no boundary");
  return boundary;
}

/** Reads the fields of a part. Throws `HttpError` 400. */
export function parsePartHead(fields: PartFields): PartHead {
  const dispositions = fields["content-disposition"] ?? [];
  const disposition = dispositions.length === 1 ? (dispositions[0] as string) : "";
  const kind = DISPOSITION.exec(disposition)?.[0];
  if (kind === undefined) throw malformedForm("a part without one Content-Disposition of form-data");
  const parameters = parseParameters(disposition.slice(kind.length));
  if (parameters === undefined) throw malformedForm("a malformed Content-Disposition");
  const rawName = parameters.get("name");
  if (rawName === undefined) throw malformedForm("a part without a name");
  const name = decodeName(rawName);
  const encoding = fields["content-transfer-encoding"]?.join().trim().toLowerCase();
  // Of those that change the bytes nobody has made use for long (RFC 7578, 4.7).
  if (encoding !== undefined && !["7bit", "8bit", "binary"].includes(encoding)) {
    throw malformedForm(`Content-Transfer-Encoding ${quote(encoding)}`, name);
  }
  const rawFilename = parameters.get("filename");
  return {
    name,
    filename: rawFilename === undefined ? undefined : lastSegment(decodeName(rawFilename)),
    type: fields["content-type"]?.[0]?.trim() ?? "text/plain",
  };
}

/** Parameters by their names in lower case; `undefined` when they are malformed, or one stands twice. */
function parseParameters(text: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (match === null) return undefined;
    const name = (match[1] as string).toLowerCase();
    if (parameters.has(name)) return undefined;
    // A backslash before anything else is meant: some clients send paths.
    parameters.set(name, match[2] ?? (match[3] as string).replaceAll(/\\(["\\])/g, "$1"));
  }
  return parameters;
}

function decodeName(bytes: string): string {
  let name: string;
  try {
    name = utf8.decode(Buffer.from(bytes, "latin1"));
  } catch (cause) {
    throw malformedForm("a name that is not UTF-8", undefined, cause);
  }
  if (CONTROLS.test(name)) throw malformedForm("a control character in a name");
  return name;
}

/** A name in the client's folder says nothing here, and must not lead anywhere. */
function lastSegment(filename: string): string {
  const segment = filename.slice(Math.max(filename.lastIndexOf("/"), filename.lastIndexOf("\\")) + 1);
  return segment === "." || segment === ".." ? "" : segment;
}
