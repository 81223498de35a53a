/**
 * The trace build's page: its script, as the browser gets it. It asks for /snapshot.json every second while the page is
 * seen, and changes what is there instead of drawing it anew, so that focus, selection and what is folded stay.
 * Everything that the program names goes into text nodes and attributes, never into markup.
 */
export const PAGE_SCRIPT = String.raw`"use strict";
const POLL_MS = 1000;
const MAX_SCOPES = 2000;
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

let chosen = 0;
let isPaused = false;
let timer;
let asked;
let last;

// ---- small helpers ----

function duration(ms) {
  if (ms < 0.1) return Math.round(ms * 1000) + " µs";
  if (ms < 10) return ms.toFixed(2) + " ms";
  if (ms < 1000) return Math.round(ms) + " ms";
  if (ms < 60000) return (ms / 1000).toFixed(1) + " s";
  if (ms < 3600000) return Math.floor(ms / 60000) + " min " + Math.floor((ms % 60000) / 1000) + " s";
  return Math.floor(ms / 3600000) + " h " + Math.floor((ms % 3600000) / 60000) + " min";
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function makeSvg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes the children of a node be those of a list, by key: what stays is changed, not made anew. */
function keep(parent, items, keyOf, create, change) {
  const there = parent.kept ?? (parent.kept = new Map());
  const keys = new Set(items.map(keyOf));
  for (const [key, node] of there) {
    if (keys.has(key)) continue;
    node.remove();
    there.delete(key);
  }
  let next = parent.firstElementChild;
  while (next && !next.isKept) next = next.nextElementSibling;
  for (const item of items) {
    const key = keyOf(item);
    let node = there.get(key);
    if (node === undefined) {
      node = create(item);
      node.isKept = true;
      there.set(key, node);
    }
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
    change(node, item);
  }
}

// ---- the tree ----

let drawnScopes = 0;

function drawScopes(list, scopes) {
  const room = Math.max(0, MAX_SCOPES - drawnScopes);
  keep(list, scopes.slice(0, room), (scope) => scope.id, makeScope, changeScope);
}

function makeScope() {
  const item = make("li");
  const details = item.appendChild(make("details"));
  details.open = true;
  const summary = details.appendChild(make("summary"));
  const part = (name) => summary.appendChild(make("span", name));
  item.parts = {};
  for (const name of ["kind", "name", "id", "age", "chip", "site"]) {
    item.parts[name] = part(name);
    summary.append(" ");
  }
  item.facts = details.appendChild(make("ul", "facts"));
  item.children_ = details.appendChild(make("ul", "children"));
  return item;
}

function changeScope(item, scope) {
  drawnScopes++;
  const { parts } = item;
  setText(parts.kind, scope.kind);
  setText(parts.name, scope.name);
  setText(parts.id, "#" + scope.id);
  setText(parts.age, duration(scope.ageMs));
  setText(parts.chip, scope.request === undefined ? "" : scope.request);
  parts.chip.hidden = scope.request === undefined;
  setText(parts.site, scope.site);
  const waits = scope.waits.map((wait, index) => ({ key: "w" + index, wait }));
  const handles = scope.handles.map((handle) => ({ key: "h" + handle.id, handle }));
  keep(item.facts, [...waits, ...handles], (fact) => fact.key, makeFact, changeFact);
  drawScopes(item.children_, scope.children);
}

function makeFact({ wait }) {
  const item = make("li", wait ? "waits" : "holds");
  item.append(make("span", "word", wait ? "waits" : "holds"));
  for (const name of ["what", "age", "site"]) {
    item.append(" ");
    item[name] = item.appendChild(make("span", name));
  }
  return item;
}

function changeFact(item, { wait, handle }) {
  if (wait) {
    setText(item.what, wait.operation + (wait.on === undefined ? "" : " on " + wait.on));
    setText(item.age, duration(wait.forMs));
    setText(item.site, wait.site);
    return;
  }
  const { kind, name, id, ageMs, lastTouch, site } = handle;
  // A statement's name is its text.
  const oneLine = name.replace(/\s+/g, " ");
  setText(item.what, kind + (name === "" ? "" : ' "' + shorten(oneLine, 100) + '"') + " #" + id);
  item.what.title = oneLine.length > 100 ? name : "";
  const touch = lastTouch === undefined ? "" : ", last " + lastTouch.operation + " " + duration(lastTouch.agoMs) + " ago";
  setText(item.age, duration(ageMs) + touch);
  setText(item.site, site === "" ? "" : "made at " + site);
}

function countScopes(scopes) {
  let count = 0;
  for (const scope of scopes) count += 1 + countScopes(scope.children);
  return count;
}

function drawTree(shot) {
  drawnScopes = 0;
  drawScopes(byId("tree"), shot.tree);
  const count = countScopes(shot.tree);
  const more = count > drawnScopes ? ", " + drawnScopes + " of them drawn; lunet ps " + shot.pid + " prints all" : "";
  setText(byId("tree-count"), count === 0 ? "nothing runs" : count + (count === 1 ? " scope" : " scopes") + more);
  byId("unowned-part").hidden = shot.unowned.length === 0;
  setText(byId("unowned-count"), String(shot.unowned.length));
  const unowned = shot.unowned.slice(0, MAX_SCOPES).map((handle) => ({ key: "h" + handle.id, handle }));
  keep(byId("unowned"), unowned, (fact) => fact.key, makeFact, changeFact);
}

// ---- findings, balance, places ----

function drawFindings(shot) {
  const { checks, findings } = shot;
  setText(byId("findings-count"), String(findings.length));
  setText(byId("checks"), checks.passed.toLocaleString("en") + " checks passed, " + checks.failed + " failed" + (findings.length === 0 ? ". Nothing was found so far." : ""));
  keep(byId("findings"), findings, (one) => one.class + one.kind + one.site, makeFinding, (item, one) => {
    setText(item.count, one.count > 1 ? one.count + " times" : "");
  });
}

function makeFinding(one) {
  const item = make("li", one.foreign || one.known !== undefined ? "mild" : "");
  const details = item.appendChild(make("details"));
  const summary = details.appendChild(make("summary"));
  summary.append(make("span", "letter", one.class), one.what, " ");
  item.count = summary.appendChild(make("span", "age"));
  const facts = details.appendChild(make("dl"));
  for (const [label, text] of [["at", one.site], ...one.facts]) facts.append(make("dt", "", label), make("dd", "", text));
  if (one.known !== undefined) facts.append(make("dt", "", "baseline"), make("dd", "", one.known));
  return item;
}

function drawBalance(shot) {
  const rows = Object.entries(shot.balance).filter(([, one]) => one.made > 0);
  keep(byId("balance"), rows, ([kind]) => kind, makeRow(5), (row, [kind, one]) => {
    const cells = [kind, one.live, one.peak, one.made, one.ended];
    for (const [index, cell] of cells.entries()) setText(row.cells[index], typeof cell === "number" ? cell.toLocaleString("en") : cell);
    row.cells[1].className = one.live > 0 ? "live" : "none";
  });
  const places = shot.sites;
  keep(byId("places"), places, (one) => one.kind + one.site, makePlace, (row, one) => setText(row.cells[0], one.live.toLocaleString("en")));
}

const makeRow = (count) => () => {
  const row = make("tr");
  for (let index = 0; index < count; index++) row.append(make("td"));
  return row;
};

function makePlace(one) {
  const row = makeRow(2)();
  row.cells[1].append(one.kind + " ", make("span", "site", one.site));
  return row;
}

// ---- requests ----

function drawRequests(shot) {
  const requests = [...shot.requests];
  setText(byId("requests-count"), requests.length === 0 ? "none so far" : "the last " + requests.length);
  byId("requests-part").hidden = requests.length === 0;
  if (byId("order").value === "slowest") requests.sort((a, b) => b.durationMs - a.durationMs);
  keep(byId("requests"), requests, (one) => one.id, makeRequest, (label, one) => {
    setText(label.took, one.running ? "runs " + duration(one.durationMs) : duration(one.durationMs));
    label.took.className = one.running ? "took running" : "took";
    label.input.checked = one.id === chosen;
  });
}

function makeRequest(one) {
  const label = make("label");
  const input = label.appendChild(make("input"));
  input.type = "radio";
  input.name = "request";
  input.value = String(one.id);
  input.addEventListener("change", () => choose(one.id));
  label.append(make("span", "target", one.name));
  label.took = label.appendChild(make("span", "took"));
  label.input = input;
  return label;
}

function choose(id) {
  chosen = id;
  byId("timeline").drawn = undefined;
  setText(byId("timeline-detail"), "");
  poll();
}

// ---- the timeline of one request ----

const LABEL_WIDTH = 300;
const ROW_HEIGHT = 36;
const AXIS_HEIGHT = 22;
const TOOK_WIDTH = 120;

function drawTimeline(shot) {
  const part = byId("timeline");
  const request = shot.requests.find((one) => one.id === chosen);
  if (request === undefined || request.spans === undefined) return;
  const width = Math.max(320, part.clientWidth - 4);
  const key = [request.id, request.spanCount, request.running ? request.durationMs : "ended", width].join(" ");
  if (part.drawn === key) return;
  part.drawn = key;
  setText(byId("timeline-title"), request.name + ", #" + request.id);
  const covered = coveredMs(request.spans);
  const took = (request.running ? "runs for " : "took ") + duration(request.durationMs);
  const dropped = request.droppedSpans > 0 ? "; " + request.droppedSpans + " parts more were not kept" : "";
  const parts = request.spans.length === 1 ? " part" : " parts";
  setText(byId("timeline-note"), took + ": " + duration(covered) + " in " + request.spans.length + parts + ", " + duration(Math.max(0, request.durationMs - covered)) + " outside them: code that ran, or waited for its turn" + dropped);
  const focused = [...part.querySelectorAll(".row")].indexOf(document.activeElement);
  part.replaceChildren(picture(request, width));
  if (focused >= 0) part.querySelectorAll(".row")[focused]?.focus();
}

/** The time that lies in at least one part; parts may overlap. */
function coveredMs(spans) {
  let covered = 0;
  let until = 0;
  for (const { fromMs, toMs } of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    covered += Math.max(0, toMs - Math.max(fromMs, until));
    until = Math.max(until, toMs);
  }
  return covered;
}

function picture(request, width) {
  const spans = [...request.spans].sort((a, b) => a.fromMs - b.fromMs);
  const whole = { operation: "the whole request", who: "", site: request.name, fromMs: 0, toMs: request.durationMs, outcome: "whole" };
  const rows = [whole, ...spans];
  const height = AXIS_HEIGHT + rows.length * ROW_HEIGHT + 4;
  const labels = Math.min(LABEL_WIDTH, width * 0.4);
  const endMs = Math.max(request.durationMs, ...spans.map((span) => span.toMs), 0.001);
  const scale = (width - labels - TOOK_WIDTH) / endMs;
  const svg = makeSvg("svg", { width, height, viewBox: "0 0 " + width + " " + height, role: "list", "aria-label": "The time of " + request.name });
  const step = niceStep(endMs / Math.max(2, (width - labels - TOOK_WIDTH) / 90));
  for (let ms = 0; ms <= endMs; ms += step) {
    const x = labels + ms * scale;
    svg.append(makeSvg("line", { class: "grid", x1: x, x2: x, y1: AXIS_HEIGHT - 4, y2: height }));
    svg.append(makeSvg("text", { class: "axis", x, y: 12, "text-anchor": ms === 0 ? "start" : "middle" }, tick(ms, step)));
  }
  for (const [index, span] of rows.entries()) svg.append(spanRow(span, AXIS_HEIGHT + index * ROW_HEIGHT, { width, labels, scale }));
  return svg;
}

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
}

function tick(ms, step) {
  if (step >= 1000) return ms / 1000 + " s";
  return ms.toFixed(step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step)))) + " ms";
}

function spanRow(span, y, { width, labels, scale }) {
  const tookMs = span.toMs - span.fromMs;
  const how = { failure: ", failed", cancel: ", cancelled" }[span.outcome] ?? "";
  const from = span.outcome === "whole" ? "" : "\nfrom " + duration(span.fromMs) + " to " + duration(span.toMs);
  const who = span.who === "" ? "" : 'in "' + span.who + '"\n';
  const all = span.operation + ", " + duration(tookMs) + how + "\n" + who + (span.outcome === "whole" ? "" : "at ") + span.site + from;
  const row = makeSvg("g", { class: "row " + span.outcome, role: "listitem", tabindex: 0, "aria-label": all });
  const x = labels + span.fromMs * scale;
  const length = Math.max(2, tookMs * scale);
  row.append(makeSvg("title", {}, all));
  row.append(makeSvg("rect", { class: "back", x: 1, y: y + 1, width: width - 2, height: ROW_HEIGHT - 2, rx: 4 }));
  const isWhole = span.outcome === "whole";
  row.append(makeSvg("text", { class: "label", x: 8, y: y + (isWhole ? ROW_HEIGHT / 2 + 4 : 15) }, shorten(span.operation.replace(/\s+/g, " "), (labels - 20) / 7)));
  const small = span.outcome === "whole" ? "" : (span.who === "" ? "" : span.who + " · ") + shortSite(span.site);
  row.append(makeSvg("text", { class: "small", x: 8, y: y + 29 }, shorten(small, (labels - 20) / 6.7)));
  row.append(makeSvg("rect", { class: "bar", x, y: y + 9, width: length, height: ROW_HEIGHT - 18, rx: 3 }));
  row.append(makeSvg("text", { class: "took", x: x + length + 6, y: y + ROW_HEIGHT / 2 + 4 }, duration(tookMs) + how));
  const tell = () => setText(byId("timeline-detail"), all);
  row.addEventListener("focus", tell);
  row.addEventListener("mouseenter", tell);
  return row;
}

function shorten(text, chars) {
  const most = Math.max(4, Math.floor(chars));
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}

/** The file, the line and the function: the folders and the column are in the full text. */
function shortSite(site) {
  return site.replace(/^(?:[^ ]*\/)?([^/ ]+:\d+):\d+/, "$1");
}

/** Arrow keys go from row to row. */
byId("timeline").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = [...byId("timeline").querySelectorAll(".row")];
  const at = rows.indexOf(document.activeElement);
  if (step === undefined || at < 0) return;
  event.preventDefault();
  rows[at + step]?.focus();
});

// ---- asking ----

function showState(state, text) {
  document.body.dataset.state = state;
  byId("state").dataset.state = state;
  setText(byId("state"), text);
}

function draw(shot) {
  last = shot;
  setText(byId("program"), shot.program.split("/").pop());
  byId("program").title = shot.program;
  document.title = shot.program.split("/").pop() + ", lunet trace";
  setText(byId("process"), "process " + shot.pid + ", up " + duration(shot.uptimeMs));
  drawTree(shot);
  drawFindings(shot);
  drawBalance(shot);
  drawRequests(shot);
  drawTimeline(shot);
}

async function poll() {
  clearTimeout(timer);
  asked?.abort();
  const mine = (asked = new AbortController());
  const limit = setTimeout(() => mine.abort(), 5000);
  try {
    const response = await fetch("/snapshot.json?request=" + chosen, { cache: "no-store", signal: mine.signal });
    if (!response.ok) throw new Error("status " + response.status);
    const shot = await response.json();
    if (mine !== asked) return;
    draw(shot);
    showState(isPaused ? "paused" : "live", isPaused ? "paused" : "live");
  } catch {
    if (mine !== asked) return;
    showState("lost", "no answer: the program has ended, or holds its loop");
  } finally {
    clearTimeout(limit);
    if (mine === asked) schedule();
  }
}

function schedule() {
  clearTimeout(timer);
  if (!isPaused && !document.hidden) timer = setTimeout(poll, POLL_MS);
}

byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  setText(byId("pause"), isPaused ? "Go on" : "Pause");
  if (isPaused) {
    clearTimeout(timer);
    showState("paused", "paused");
  } else poll();
});
byId("order").addEventListener("change", () => last && drawRequests(last));
document.addEventListener("visibilitychange", () => (document.hidden || isPaused ? clearTimeout(timer) : poll()));
addEventListener("resize", () => last && drawTimeline(last));
poll();
`;
