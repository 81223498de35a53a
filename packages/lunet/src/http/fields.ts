/**
 * The grammar of field lines (RFC 9110 section 5, RFC 9112 section 5), on text that holds one byte per character.
 *
 * White space is SP and HTAB only. `String.trim` would take off U+00A0 too, which is a byte of a value here.
 */

import { HttpError, quote } from "./http-error.ts";

/** The characters of a token (RFC 9110 section 5.6.2), to be put between the brackets of a regular expression. */
export const TOKEN_CHARACTERS = "!#$%&'*+\\-.^_`|~0-9A-Za-z";
/** The characters of a field value: visible, space, tab, and bytes above 127 (RFC 9110 section 5.5). */
export const VALUE_CHARACTERS = "\\t\\x20-\\x7e\\x80-\\xff";

const TOKEN = new RegExp(`^[${TOKEN_CHARACTERS}]+$`);
const FIELD_VALUE = new RegExp(`^[${VALUE_CHARACTERS}]*$`);
const FIELD_NAME = new RegExp(`^[${TOKEN_CHARACTERS}]+:`);

const HTAB = 9;
const SPACE = 32;
const COLON = 58;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Tells whether text can be written as a field value: no control character but HTAB, nothing beyond one byte. */
export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

/**
 * Checks that a line, which holds no control byte but HTAB, starts with a field name and a colon. Throws `HttpError` 400.
 */
export function checkFieldLine(line: string): void {
  if (FIELD_NAME.test(line)) return;
  const first = line.charCodeAt(0);
  if (first === SPACE || first === HTAB) {
    const message = `Cannot parse field line ${quote(line)}: found white space at its start, wanted a field name`;
    throw new HttpError("ERR_HTTP_FIELD_FOLDED", message);
  }
  const message = `Cannot parse field line ${quote(line)}: found no token directly before a colon`;
  throw new HttpError("ERR_HTTP_FIELD_NAME", message);
}

/** The part of `text` from `from` up to `to`, without the white space around it. */
export function sliceValue(text: string, from: number, to: number): string {
  while (from < to && isWhiteSpace(text.charCodeAt(from))) from++;
  while (to > from && isWhiteSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** The members of a comma-separated list, without the white space around them. Empty members stay. */
export function splitList(value: string): string[] {
  return value.split(",").map((member) => sliceValue(member, 0, member.length));
}

/** Tells whether the field line that starts at `at` has this name, which is given in lower case. */
export function isFieldNamed(text: string, at: number, name: string): boolean {
  if (text.charCodeAt(at + name.length) !== COLON) return false;
  for (let index = 0; index < name.length; index++) {
    const found = text.charCodeAt(at + index);
    const folded = found >= 65 && found <= 90 ? found + 32 : found;
    if (folded !== name.charCodeAt(index)) return false;
  }
  return true;
}

function isWhiteSpace(code: number): boolean {
  return code === SPACE || code === HTAB;
}
