/** The corpus is what it says it is. What a browser does with it, another test sees. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { NewArticle } from "../../conduit/src/articles.ts";
import { NewComment } from "../../conduit/src/comments.ts";
import { NewUser, UserUpdate } from "../../conduit/src/users.ts";
import { checkContent } from "../../conduit/src/validation.ts";
import { callOf, controls, FOREIGN_HOST, MARKER_SOURCE, payloads, type Harm } from "./xss-corpus.ts";

const ALL = [...payloads, ...controls];

/** A text with everything undone that a payload may hide its mark in. */
function revealed(text: string): string {
  const decoded = text
    .replaceAll(/&#(\d+);?/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll(/&#x([0-9a-f]+);?/gi, (_, code: string) => String.fromCodePoint(parseInt(code, 16)))
    .replaceAll(String.raw`\u005f`, "_")
    .replaceAll(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCodePoint(parseInt(code, 16)));
  const hidden = [...text.matchAll(/;base64,([A-Za-z0-9+/]+=*)/g)].map(([, code]) =>
    Buffer.from(code!, "base64").toString("utf8"),
  );
  return [text, decoded, ...hidden].join("\n");
}

test("there are enough of each kind, and no name comes twice", () => {
  assert.ok(payloads.length >= 150, `${payloads.length}`);
  const names = ALL.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
  for (const name of names) assert.match(name, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  const least: Readonly<Record<Harm, number>> = {
    script: 100,
    request: 20,
    image: 10,
    clobber: 20,
    style: 3,
    confuse: 20,
  };
  for (const [harm, count] of Object.entries(least)) {
    assert.ok(payloads.filter((payload) => payload.harm === harm).length >= count, harm);
  }
});

test("no text comes twice, and every one says why it is there", () => {
  const seen = new Map<string, string>();
  for (const { name, text, field, why } of payloads) {
    const unmarked = `${field} ${text.replaceAll(name, "")}`;
    assert.equal(seen.get(unmarked), undefined, `${name} is ${seen.get(unmarked)}`);
    seen.set(unmarked, name);
    assert.match(why, /^[A-Z].*\.$/s, name);
  }
});

test("what would run calls the mark with its own name, and what would fetch names the foreign host", () => {
  for (const { name, text, harm } of ALL) {
    const open = revealed(text);
    if (harm === "script") assert.ok(open.includes(callOf(name)), name);
    if (harm === "request" || harm === "image") {
      assert.ok(open.includes(FOREIGN_HOST), name);
      assert.ok(open.toLowerCase().includes(name), `${name}: the address does not tell which it is`);
    }
    assert.ok(!/\{(?:js|url|host|dec|hex|bare|esc|pct|page64|svg64)\}/.test(text), `${name}: a mark is left`);
    for (const [, other] of open.matchAll(/__xss\(\/([a-z0-9-]+)\/\)/g)) assert.equal(other, name);
  }
});

test("the real server takes every one in its field", () => {
  for (const { name, text, field } of payloads) {
    try {
      if (field === "username") {
        checkContent(NewUser, { user: { username: text, email: "x@example.org", password: "a password" } });
      } else if (field === "image") checkContent(UserUpdate, { user: { image: text } });
      else if (field === "tag") {
        checkContent(NewArticle, { article: { title: "t", description: "d", body: "b", tagList: [text] } });
      } else {
        checkContent(NewArticle, { article: { title: "t", description: "d", body: text } });
        checkContent(NewComment, { comment: { body: text } });
      }
    } catch (error) {
      assert.fail(`${name}: ${JSON.stringify((error as { errors?: unknown }).errors ?? error)}`);
    }
  }
});

test("the mark keeps the names that it is called with, from another frame as well, and reports them", () => {
  const page = createContext({}) as { __xssRan?: string[]; __xss?: (mark: unknown) => void; __xssReport?: unknown };
  runInContext(MARKER_SOURCE, page);
  // A pattern of this realm, as a frame's is to the page around it.
  page.__xss!(/a-b/);
  const reported: string[] = [];
  page.__xssReport = (name: string) => reported.push(name);
  runInContext(callOf("c"), page);
  assert.deepEqual([...page.__xssRan!], ["a-b", "c"]);
  assert.deepEqual(reported, ["c"]);
});
