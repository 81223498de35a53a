/** The trace build's page: its document, its style and its icon. Its script is in page-script.ts. */

/** The document. Everything in it comes from files of its own, so that the policy can refuse what is inline. */
export const PAGE_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>lunet trace</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<header>
<h1>lunet trace <span id="program"></span></h1>
<p id="process"></p>
<p id="state" role="status">connecting</p>
<button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<noscript><p class="empty">This page draws with a script. Without it: <a href="/tree.txt">the tree</a>, <a href="/summary.txt">the summary</a>, <a href="/snapshot.json">everything as JSON</a>.</p></noscript>
<main>
<section id="tree-section" aria-labelledby="tree-title">
<h2 id="tree-title">Live tree <span id="tree-count" class="count"></span></h2>
<ul id="tree" class="tree"></ul>
<details id="unowned-part" hidden>
<summary>Held by things, not by scopes <span id="unowned-count" class="count"></span></summary>
<ul id="unowned" class="facts"></ul>
</details>
</section>
<div id="side">
<section aria-labelledby="findings-title">
<h2 id="findings-title">Findings <span id="findings-count" class="count"></span></h2>
<p id="checks"></p>
<ul id="findings"></ul>
</section>
<section aria-labelledby="balance-title">
<h2 id="balance-title">Balance</h2>
<table><thead><tr><th scope="col">kind</th><th scope="col">live</th><th scope="col">peak</th><th scope="col">made</th><th scope="col">ended</th></tr></thead><tbody id="balance"></tbody></table>
</section>
<section id="places-section" aria-labelledby="places-title">
<h2 id="places-title">Where the living were made</h2>
<table class="places"><thead><tr><th scope="col">live</th><th scope="col">kind and line</th></tr></thead><tbody id="places"></tbody></table>
</section>
</div>
<section id="requests-section" aria-labelledby="requests-title">
<h2 id="requests-title">Requests <span id="requests-count" class="count"></span></h2>
<div id="requests-part">
<div>
<p><label>Order <select id="order"><option value="latest">latest first</option><option value="slowest">slowest first</option></select></label></p>
<fieldset id="requests"><legend class="hidden">The request whose time is drawn</legend></fieldset>
</div>
<div id="timeline-part">
<h3 id="timeline-title">Choose a request to see where its time went</h3>
<p id="timeline-note"></p>
<div id="timeline"></div>
<p id="timeline-detail" role="status"></p>
</div>
</div>
</section>
</main>
<footer><a href="/tree.txt">tree.txt</a> <a href="/summary.txt">summary.txt</a> <a href="/snapshot.json">snapshot.json</a></footer>
</body>
</html>
`;

/** Follows the light or dark scheme of the system. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f7f9, #14171c);
  --card: light-dark(#ffffff, #1c2027);
  --ink: light-dark(#1b2129, #e4e8ee);
  --soft: light-dark(#57606c, #9aa5b4);
  --line: light-dark(#dde1e7, #313843);
  --accent: light-dark(#1f5fbf, #82b1ff);
  --wait: light-dark(#3572c6, #6c9ff0);
  --whole: light-dark(#8a94a3, #6d7787);
  --held: light-dark(#7a4fb5, #c3a2f5);
  --good: light-dark(#1c7c45, #62cf8f);
  --warn: light-dark(#9a5b00, #f0b35a);
  --bad: light-dark(#c02b2b, #ff8a82);
  --mono: ui-monospace, "SFMono-Regular", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 16px; padding: 8px 20px; background: var(--card); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 15px; }
h1 span { font-weight: 400; font-family: var(--mono); font-size: 13px; margin-left: 6px; }
header p { margin: 0; color: var(--soft); }
#state { margin-left: auto; }
#state::before { content: "● "; color: var(--good); }
#state[data-state="paused"]::before { color: var(--warn); }
#state[data-state="lost"] { color: var(--bad); font-weight: 600; }
#state[data-state="lost"]::before { color: var(--bad); }
body[data-state="lost"] main { opacity: .65; }
button, select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: 2px 12px; }
button:hover, select:hover { border-color: var(--soft); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(330px, 430px); gap: 16px; padding: 16px 20px; align-items: start; max-width: 1800px; margin: 0 auto; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; min-width: 0; }
#tree-section { max-height: 76vh; overflow-y: auto; }
#unowned-part { border-top: 1px solid var(--line); margin-top: 8px; padding-top: 6px; }
#places-section { max-height: 320px; overflow-y: auto; }
#side { display: grid; gap: 16px; min-width: 0; }
#requests-section { grid-column: 1 / -1; }
h2 { margin: 0 0 8px; font-size: 15px; }
h3 { margin: 12px 0 4px; font-size: 13px; }
.count { color: var(--soft); font-weight: 400; font-size: 13px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.empty { color: var(--soft); margin: 4px 0; }
ul { list-style: none; margin: 0; padding: 0; }
.tree ul.children { padding-left: 14px; margin-left: 5px; border-left: 1px solid var(--line); }
summary { cursor: pointer; padding: 2px 4px; border-radius: 6px; overflow-wrap: anywhere; }
summary:hover { background: var(--paper); }
summary::marker { color: var(--soft); }
.kind { color: var(--soft); }
.name { font-weight: 600; }
.id, .age { color: var(--soft); font-size: 12px; }
.chip { display: inline-block; padding: 0 7px; border-radius: 9px; border: 1px solid var(--line); background: var(--paper); font: 12px/1.5 var(--mono); }
.site { color: var(--soft); font: 12px/1.4 var(--mono); overflow-wrap: anywhere; }
.facts { margin: 0 0 3px 19px; }
.facts li { overflow-wrap: anywhere; padding-left: 60px; text-indent: -60px; }
.word { display: inline-block; width: 56px; text-indent: 0; font-size: 12px; font-weight: 600; }
.waits .word { color: var(--wait); }
.holds .word { color: var(--held); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: right; color: var(--soft); font-weight: 400; font-size: 12px; }
td { text-align: right; border-top: 1px solid var(--line); padding: 2px 0 2px 10px; vertical-align: top; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.live { font-weight: 600; }
td.none { color: var(--soft); }
.places th:last-child, .places td:last-child { text-align: left; width: 100%; padding-left: 14px; overflow-wrap: anywhere; }
#checks { margin: 0 0 4px; color: var(--soft); }
#findings > li { border-top: 1px solid var(--line); padding: 4px 0; }
#findings summary .letter { display: inline-block; min-width: 20px; text-align: center; border-radius: 5px; background: var(--bad); color: var(--card); font-weight: 700; margin-right: 6px; }
#findings li.mild summary .letter { background: var(--warn); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 12px; margin: 4px 0 4px 18px; font-size: 13px; }
dt { color: var(--soft); }
dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: 12px/1.5 var(--mono); }
#requests-part { display: grid; grid-template-columns: minmax(260px, 380px) minmax(0, 1fr); gap: 20px; }
#requests-part p { margin: 0 0 6px; }
#requests { border: 1px solid var(--line); border-radius: 8px; margin: 0; padding: 0; min-width: 0; max-height: 460px; overflow-y: auto; }
#requests label { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 8px; align-items: baseline; padding: 3px 8px; cursor: pointer; }
#requests label + label { border-top: 1px solid var(--line); }
#requests label:hover { background: var(--paper); }
#requests label:has(:checked) { background: light-dark(#e5eefc, #24324a); }
#requests .target { font: 12px/1.5 var(--mono); overflow-wrap: anywhere; }
#requests .took { color: var(--soft); font-size: 12px; white-space: nowrap; font-variant-numeric: tabular-nums; }
#requests .running { color: var(--good); font-weight: 600; }
#timeline-part h3 { margin-top: 2px; font: 600 13px var(--mono); overflow-wrap: anywhere; }
#timeline-note, #timeline-detail { color: var(--soft); }
#timeline-detail { min-height: 3em; white-space: pre-line; overflow-wrap: anywhere; font: 12px/1.5 var(--mono); }
#timeline { max-height: 520px; overflow-y: auto; }
svg { display: block; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { fill: var(--soft); font-size: 11px; }
svg .small { fill: var(--soft); font: 11px var(--mono); }
svg .grid { stroke: var(--line); }
svg .row { cursor: default; }
svg .row .back { fill: transparent; }
svg .row:hover .back, svg .row:focus .back { fill: light-dark(#eef3fb, #252c38); }
svg .row:focus { outline: none; }
svg .row:focus .back { stroke: var(--accent); stroke-width: 2; }
svg .bar { fill: var(--wait); }
svg .whole .bar { fill: var(--whole); }
svg .failure .bar { fill: var(--bad); }
svg .cancel .bar { fill: var(--warn); }
svg .failure .took { fill: var(--bad); }
svg .cancel .took { fill: var(--warn); }
svg .whole .label { font-weight: 600; }
footer { padding: 0 20px 20px; max-width: 1800px; margin: 0 auto; display: flex; gap: 16px; }
a { color: var(--accent); }
@media (max-width: 1000px) {
  main, #requests-part { grid-template-columns: minmax(0, 1fr); }
  #requests { max-height: 240px; }
}
`;

/** A scope with three coroutines. */
export const PAGE_ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#1f5fbf"/><g fill="#fff"><rect x="3" y="3" width="10" height="2.4" rx="1"/><rect x="3" y="6.8" width="5" height="2.4" rx="1"/><rect x="7" y="10.6" width="6" height="2.4" rx="1"/></g></svg>
`;
