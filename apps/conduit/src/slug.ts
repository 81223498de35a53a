/** Slugs: the name of an article in a URL, made of its title. The unique index decides whether one is free. */
import { randomInt } from "node:crypto";

/** Longest slug that is made of a title, in code points, without its suffix. */
const MAX_TITLE_CODE_POINTS = 100;
const SUFFIX_LENGTH = 6;
const SUFFIX_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** `GET /api/articles/feed` is a route, so no article may have this name. */
const RESERVED = new Set(["feed"]);

/**
 * A letter or digit of any script with the marks that belong to it (vowel signs, accents that do not compose).
 * Variation selectors are marks too, but they only choose how an emoji looks.
 */
const WORDS =
  /(?![\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}])[\p{L}\p{N}](?:(?![\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}])[\p{L}\p{N}\p{Mn}\p{Mc}])*/gu;

/**
 * The slug of a title: its letters and digits in any script, lower case, NFC, joined by `-`, at most 100 code points.
 * Empty when the title has neither.
 *
 * @example slugOf("How to train your dragon") // "how-to-train-your-dragon"
 */
export function slugOf(title: string): string {
  const words = title.normalize("NFC").toLowerCase().normalize("NFC").match(WORDS) ?? [];
  return cut(words.join("-"));
}

/** Cuts after a whole word where one ends in the second half, else within the word. */
function cut(slug: string): string {
  const points = [...slug];
  if (points.length <= MAX_TITLE_CODE_POINTS) return slug;
  const end = points.lastIndexOf("-", MAX_TITLE_CODE_POINTS);
  return points.slice(0, end > MAX_TITLE_CODE_POINTS / 2 ? end : MAX_TITLE_CODE_POINTS).join("");
}

/**
 * The slug to try for a title at the given attempt: at first the plain one, then with a random suffix. A title without
 * letters and digits, and a reserved word, have the suffix from the start.
 */
export function slugCandidate(title: string, attempt: number): string {
  const slug = slugOf(title);
  if (slug === "") return `article-${suffix()}`;
  return attempt === 0 && !RESERVED.has(slug) ? slug : `${slug}-${suffix()}`;
}

function suffix(): string {
  let text = "";
  for (let index = 0; index < SUFFIX_LENGTH; index++) text += SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)];
  return text;
}
