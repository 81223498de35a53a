import assert from "node:assert/strict";
import { test } from "node:test";
import { Script } from "node:vm";
import { inspect } from "./inspector.ts";
import { ended, entryOf, made } from "./ledger.ts";
import { PAGE_HTML, PAGE_STYLE } from "./page.ts";
import { PAGE_SCRIPT } from "./page-script.ts";
import { RequestEntry } from "./entry.ts";

function get(path: string, query = ""): any {
  const reply = inspect(path, new URLSearchParams(query));
  return reply?.type === "application/json" ? JSON.parse(reply.body) : reply?.body;
}

test("every path has its type, and others have nothing", () => {
  const types = Object.entries({
    "/": "text/html",
    "/page.css": "text/css",
    "/page.js": "text/javascript",
    "/icon.svg": "image/svg+xml",
    "/snapshot.json": "application/json",
    "/process.json": "application/json",
    "/tree.txt": "text/plain",
    "/summary.txt": "text/plain",
  });
  for (const [path, type] of types) assert.equal(inspect(path, new URLSearchParams())?.type, type, path);
  for (const path of ["", "/x", "//", "/page.css/", "/../page.css"]) {
    assert.equal(inspect(path, new URLSearchParams()), undefined, path);
  }
});

test("the page gets the parts of one request's time alone, and only places where something lives", () => {
  const requests = [{}, {}];
  for (const [index, request] of requests.entries()) {
    made("request", request, undefined, `GET /${index}`);
    const entry = entryOf(request);
    assert.ok(entry instanceof RequestEntry);
    const fromMs = entry.madeAtMs;
    entry.addSpan({ operation: "sleep", who: "scope", site: "a.ts:1:1", fromMs, toMs: fromMs + 1, outcome: "value" });
  }
  const [box, gone] = [{}, {}];
  made("box", box);
  made("gone", gone);
  ended("gone", gone);
  const whole = get("/snapshot.json");
  assert.deepEqual(
    whole.requests.map((one: any) => one.spans.length),
    [1, 1],
  );
  const drawn = get("/snapshot.json", `request=${whole.requests[1].id}`);
  assert.deepEqual(
    drawn.requests.map((one: any) => [one.spanCount, one.spans?.length]),
    [
      [1, undefined],
      [1, 1],
    ],
  );
  const kinds = (shot: any) => shot.sites.map((one: any) => one.kind).sort();
  assert.deepEqual(kinds(whole), ["box", "gone"]);
  assert.deepEqual(kinds(drawn), ["box"]);
  for (const request of requests) ended("request", request);
  ended("box", box);
});

test("the page's script can be read, makes no markup of text, and finds what it names in the document", () => {
  new Script(PAGE_SCRIPT);
  assert.doesNotMatch(PAGE_SCRIPT, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/);
  const ids = new Set([...PAGE_HTML.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
  const named = [...PAGE_SCRIPT.matchAll(/byId\("([^"]+)"\)/g)].map(([, id]) => id);
  assert.deepEqual(
    named.filter((id) => !ids.has(id)),
    [],
  );
  const styled = [...PAGE_STYLE.matchAll(/#([a-z][\w-]+)(?=[^{}]*\{)/g)].map(([, id]) => id);
  assert.deepEqual(
    styled.filter((id) => !ids.has(id)),
    [],
  );
});
