/**
 * Markdown that somebody wrote, as nodes that may stand in the page. Loaded when a page shows some.
 *
 * Two of the three walls against script in it are here: DOMPurify keeps the elements and attributes of the lists below and nothing
 * else, and no address but those of the web, of mail, of this site, and images in `data:`. The third is the server's
 * Content-Security-Policy. What comes out is nodes and never text that is parsed again.
 *
 * Whatever the text is, it is drawn within a second or two, or shown as it was written:
 * - the parser takes a time in proportion to the text, where another takes minutes for 250,000 characters that are made for it;
 * - references cannot make much of little: what the text becomes has a limit;
 * - elements for the look of letters come from Markdown alone, which closes them. What stands open in HTML is opened again by the browser in every
 *   paragraph behind it (WHATWG HTML, 13.2.4.3), so that eight kilobytes became 300,000 elements.
 */
import DOMPurify, { type Config } from "dompurify";
import MarkdownIt from "markdown-it";

/** What Markdown can mean (CommonMark 0.31, tables and strike-through of GFM), and plain marks that people write as HTML. */
const TAGS =
  "a abbr blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr img ins kbd li mark ol p pre q s samp " +
  "span strong sub summary sup table tbody td tfoot th thead tr ul var";

const CONFIG = {
  ALLOWED_TAGS: TAGS.split(" "),
  // Without id, name, class and style: what is written here looks as the page wants it, and is found under no name.
  ALLOWED_ATTR: ["align", "alt", "colspan", "height", "href", "open", "rowspan", "src", "start", "title", "width"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  // Absolute addresses of these schemes, and relative ones. Images may be `data:`, by a rule of its own.
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
  RETURN_DOM_FRAGMENT: true,
} as const satisfies Config;

const DATA_IMAGE = /^data:image\//i;

/** Characters of addresses and titles that a text may become, each as often as it is referred to. */
const MAX_ATTRIBUTE_CHARACTERS = 2_000_000;

/** The formatting elements of the standard, begun or ended, as far as they can be seen in a piece of HTML, and a tag that the piece does not end. */
const FORMATTING = /<\/?(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])[^>]*>|<[^>]*$/gi;

const parser = new MarkdownIt({ html: true, linkify: true });
const isLink = parser.validateLink.bind(parser);
// It lets images of some kinds through; all kinds are pictures and nothing else in an <img>, and nowhere else does the sanitiser leave them.
parser.validateLink = (address) => isLink(address) || DATA_IMAGE.test(address);

// The parser aligns cells by a style, which neither the sanitiser nor the server's policy lets through.
for (const rule of ["th_open", "td_open"]) {
  parser.renderer.rules[rule] = (tokens, index, options, _environment, renderer) => {
    const token = tokens[index];
    const alignment = /^text-align:(\w+)$/.exec(String(token?.attrGet("style")))?.[1];
    if (token !== undefined && alignment !== undefined) token.attrs = [["align", alignment]];
    return renderer.renderToken(tokens, index, options);
  };
}

for (const rule of ["html_inline", "html_block"]) {
  // A blank, so that what stood around it does not become a tag.
  parser.renderer.rules[rule] = (tokens, index) => (tokens[index]?.content ?? "").replace(FORMATTING, " ");
}

/**
 * Renders Markdown. The fragment holds neither script nor anything that runs.
 *
 * @throws RangeError for a text that becomes too much.
 */
export function renderMarkdown(text: string): DocumentFragment {
  // It gives null, against its types, where nothing is left of a document, such as of a frameset.
  const fragment = DOMPurify.sanitize(toHtml(text), CONFIG) as DocumentFragment | null;
  if (fragment === null) return document.createDocumentFragment();
  for (const link of fragment.querySelectorAll("a")) {
    // Whoever pays for links gets nothing from ours.
    link.rel = "nofollow ugc noopener noreferrer";
  }
  for (const image of fragment.querySelectorAll("img")) careFor(image);
  for (const item of fragment.querySelectorAll("li")) tick(item);
  for (const wide of fragment.querySelectorAll<HTMLElement>("pre, table")) makeScrollable(wide);
  // Each part of the text runs in the direction of its first letter; what has a direction of its own would hide its letters from
  // the list or the quotation around it.
  for (const block of fragment.children) (block as HTMLElement).dir = "auto";
  return fragment;
}

function toHtml(text: string): string {
  const environment = {};
  const tokens = parser.parse(text, environment);
  const inside = tokens.flatMap(({ children }) => children ?? []);
  const characters = inside.reduce((sum, { attrs }) => sum + (attrs?.flat().join("").length ?? 0), 0);
  if (characters > MAX_ATTRIBUTE_CHARACTERS) {
    throw new RangeError(
      `Cannot render the text: found ${characters} characters of attributes, limit is ${MAX_ATTRIBUTE_CHARACTERS}`,
    );
  }
  return parser.renderer.render(tokens, parser.options, environment);
}

function careFor(image: HTMLImageElement): void {
  const source = image.getAttribute("src") ?? "";
  if (/^data:/i.test(source) && !DATA_IMAGE.test(source)) image.removeAttribute("src");
  image.loading = "lazy";
  image.decoding = "async";
  image.referrerPolicy = "no-referrer";
  image.alt ||= "";
}

/** A box of a list of tasks, which nobody can tick here, is a sign. */
function tick(item: HTMLLIElement): void {
  const text = item.firstChild instanceof HTMLParagraphElement ? item.firstChild.firstChild : item.firstChild;
  if (text instanceof Text) text.data = text.data.replace(/^\[([ xX])\] /, (_, mark) => (mark === " " ? "☐ " : "☑ "));
}

/** What is wider than the page scrolls inside itself, by the keyboard too. */
function makeScrollable(wide: HTMLElement): void {
  if (wide.localName === "pre") wide.tabIndex = 0;
  else {
    const frame = document.createElement("div");
    frame.className = "table-scroll";
    frame.tabIndex = 0;
    wide.replaceWith(frame);
    frame.append(wide);
  }
}
