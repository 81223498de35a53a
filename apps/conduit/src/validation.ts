/**
 * Checks content against the schema of its route and words what is wrong in the voice of the API.
 *
 * A content schema is an object with one member, the wrapper (`user`, `article`, `comment`), whose members are strings,
 * strings or null, and lists of strings. The same schema gives the TypeScript type and the OpenAPI document. Beyond JSON
 * Schema it knows `maxBytes`, in UTF-8, `maxKeyBytes`, which limits the `uniqueKey`, and the formats `username`, `email`
 * and `password`. Lengths are counted in code points, as JSON Schema counts them.
 */
import type { Static, TObject } from "typebox";
import { ApiError, type FieldErrors } from "./errors.ts";

const BLANK = "can't be blank";
const INVALID = "is invalid";

/** What the checker reads of a schema; TypeBox builds plain JSON Schema. */
interface Schema {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxBytes?: number;
  readonly maxKeyBytes?: number;
  readonly maxItems?: number;
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/**
 * Gives the content back under its type.
 *
 * @throws ApiError 400 when the content is no object, 422 with every field's problems otherwise.
 */
export function checkContent<S extends TObject>(schema: S, content: unknown): Static<S> {
  if (!isObject(content)) throw new ApiError(400, { body: [INVALID] });
  const [wrapper, inner] = Object.entries((schema as Schema).properties ?? {})[0] as [string, Schema];
  const value = content[wrapper];
  if (value !== undefined && value !== null && !isObject(value)) throw new ApiError(422, { [wrapper]: [INVALID] });
  // Nothing in the wrapper is the same as no field in it, unless no field is required.
  if (value == null && (inner.required ?? []).length === 0) throw new ApiError(422, { [wrapper]: [BLANK] });
  const errors = checkFields(inner, value ?? {});
  if (errors !== undefined) throw new ApiError(422, errors);
  return content as Static<S>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkFields(schema: Schema, content: Record<string, unknown>): FieldErrors | undefined {
  let errors: Record<string, string[]> | undefined;
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const value = Object.hasOwn(content, name) ? content[name] : undefined;
    const isRequired = schema.required?.includes(name) ?? false;
    const message = value === undefined ? (isRequired ? BLANK : undefined) : checkField(field, value);
    if (message !== undefined) (errors ??= {})[name] = [message];
  }
  return errors;
}

function checkField(schema: Schema, value: unknown): string | undefined {
  const options = schema.anyOf;
  if (options !== undefined) {
    if (value === null) return undefined;
    return checkField(options[0] as Schema, value);
  }
  if (value === null) return BLANK;
  return schema.type === "array" ? checkList(schema, value) : checkString(schema, value);
}

function checkList(schema: Schema, value: unknown): string | undefined {
  if (!Array.isArray(value)) return INVALID;
  const maxItems = schema.maxItems ?? Infinity;
  if (value.length > maxItems) return `is too long (maximum is ${maxItems} items)`;
  for (const item of value) {
    const message = item === null ? INVALID : checkString(schema.items as Schema, item);
    if (message !== undefined) return message;
  }
  return undefined;
}

function checkString(schema: Schema, value: unknown): string | undefined {
  if (typeof value !== "string" || !value.isWellFormed() || value.includes("\0")) return INVALID;
  const { minLength = 0, maxLength = Infinity, maxBytes = Infinity, maxKeyBytes, format } = schema;
  if (minLength > 0 && isBlank(value, format)) return BLANK;
  if (isShorter(value, minLength)) return `is too short (minimum is ${minLength} characters)`;
  if (isLonger(value, maxLength)) return `is too long (maximum is ${maxLength} characters)`;
  if (Buffer.byteLength(value, "utf8") > maxBytes) return `is too long (maximum is ${maxBytes} bytes)`;
  if (maxKeyBytes !== undefined && Buffer.byteLength(uniqueKey(value), "utf8") > maxKeyBytes) {
    return `is too long (maximum is ${maxKeyBytes} bytes without compatibility characters)`;
  }
  return format === undefined || (formats[format]?.(value) ?? true) ? undefined : INVALID;
}

/** A password may be made of spaces (NIST SP 800-63B-4 section 3.1.1.2); other text needs something that shows. */
function isBlank(value: string, format: string | undefined): boolean {
  return format === "password" ? value === "" : !/[^\s\p{Cc}\p{Cf}\p{Z}]/u.test(value);
}

function isShorter(value: string, minimum: number): boolean {
  return value.length < minimum || (value.length < 2 * minimum && [...value].length < minimum);
}

function isLonger(value: string, maximum: number): boolean {
  return value.length > maximum && (value.length > 2 * maximum || [...value].length > maximum);
}

const formats: Readonly<Record<string, (value: string) => boolean>> = {
  /**
   * Names stand in URLs and beside text: no control characters or line ends, no white space around them, and not a dot
   * segment, which clients take out of a path.
   */
  username: (value) => !/[\p{Cc}\p{Zl}\p{Zp}]|^\s|\s$|^\.\.?$/u.test(value),
  /** One `@` with something on both sides, and no empty label in the domain. Only a message shows whether it exists. */
  email: (value) => /^[^\s@\p{Cc}]+@[^\s@.\p{Cc}]+(?:\.[^\s@.\p{Cc}]+)*$/u.test(value),
};

/**
 * What to look for when a request asks for `text`. Text with U+0000 is stored nowhere, and not every database can be asked for
 * it; nor is the empty text, which every database can be asked for.
 */
export function lookupText(text: string): string {
  return text.includes("\0") ? "" : text;
}

/** The key under which a username or an e-mail address is unique: its spelling without case or compatibility forms. */
export function uniqueKey(text: string): string {
  // Upper case first joins what lower case alone keeps apart: final sigma, long s, sharp s.
  return text.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
