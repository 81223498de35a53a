/**
 * Markdown that somebody wrote, as nodes that may stand in the page. Loaded when a page shows some.
 *
 * Two of the three walls against script in it are here: DOMPurify keeps the elements and attributes of the lists below and nothing
 * else, and no address but those of the web, of mail and of this site. The third is the server's Content-Security-Policy. What
 * comes out is nodes and never text that is parsed again.
 */
import DOMPurify, { type Config } from "dompurify";
import { Marked } from "marked";

/** What Markdown can mean (CommonMark 0.31, tables and strike-through of GFM), and plain marks that people write as HTML. */
const TAGS =
  "a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp " +
  "small span strong sub summary sup table tbody td tfoot th thead tr u ul var";

const CONFIG = {
  ALLOWED_TAGS: TAGS.split(" "),
  // Without id, name, class and style: what is written here looks as the page wants it, and is found under no name.
  ALLOWED_ATTR: ["align", "alt", "colspan", "height", "href", "open", "rowspan", "src", "start", "title", "width"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  // Absolute addresses of these schemes, and relative ones.
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
  RETURN_DOM_FRAGMENT: true,
} as const satisfies Config;

const marked = new Marked({
  gfm: true,
  async: false,
  renderer: {
    // A box that nobody can tick is a sign.
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** Renders Markdown. The fragment holds neither script nor anything that runs. */
export function renderMarkdown(text: string): DocumentFragment {
  // It gives null, against its types, where nothing is left of a document, such as of a frameset.
  const fragment = DOMPurify.sanitize(marked.parse(text, { async: false }), CONFIG) as DocumentFragment | null;
  if (fragment === null) return document.createDocumentFragment();
  for (const link of fragment.querySelectorAll("a")) {
    // Whoever pays for links gets nothing from ours.
    link.rel = "nofollow ugc noopener noreferrer";
  }
  for (const image of fragment.querySelectorAll("img")) {
    image.loading = "lazy";
    image.decoding = "async";
    image.referrerPolicy = "no-referrer";
    image.alt ||= "";
  }
  for (const wide of fragment.querySelectorAll<HTMLElement>("pre, table")) makeScrollable(wide);
  // Each part of the text runs in the direction of its first letter; what has a direction of its own would hide its letters from
  // the list or the quotation around it.
  for (const block of fragment.children) (block as HTMLElement).dir = "auto";
  return fragment;
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
