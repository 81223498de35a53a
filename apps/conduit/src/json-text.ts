/** Text as JSON has it. */

/** What a JSON string has to escape, and halves of pairs, of which one that is alone is escaped, too. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

/**
 * Text, or none, as `JSON.stringify` writes it, in half of the time for text with nothing to escape: a page of articles has a
 * hundred of them.
 */
export function textJson(text: string | null): string {
  return text === null || ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}
