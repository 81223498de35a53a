import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Type } from "typebox";
import { paramNames, route, type ParamNames, type ParamsOf, type QueryOf } from "./route.ts";

type Same<A, B> = [A, B] extends [B, A] ? true : false;

test("the names of a path's parameters are known to the compiler as they are at run time", () => {
  assert.deepEqual(paramNames("/a/:b/c:d/*e"), ["b", "e"]);
  true satisfies Same<ParamNames<"/a/:b/c:d/*e">, "b" | "e">;
  true satisfies Same<ParamNames<"/a">, never>;
});

test("a declaration has its types", () => {
  const one = route({
    method: "POST",
    path: "/a/:id/:name",
    params: { id: Type.Integer() },
    query: Type.Object({ limit: Type.Optional(Type.Integer()) }),
    replies: { 200: Type.String() },
  });
  true satisfies Same<ParamsOf<typeof one>, { readonly id: number; readonly name: string }>;
  true satisfies Same<QueryOf<typeof one>, { limit?: number }>;
  assert.ok(Object.isFrozen(one));
});

test("a declaration that cannot be met is refused", () => {
  const replies = { 200: Type.String() };
  assert.throws(
    // @ts-expect-error -- the path has no such parameter
    () => route({ method: "GET", path: "/:a", params: { b: Type.String() }, replies }),
    /the path has no parameter "b"/,
  );
  assert.throws(
    () => route({ method: "GET", path: "/", content: Type.String(), replies }),
    /content, which GET has not/,
  );
  for (const status of [99, 101, 600, 1.5]) {
    assert.throws(() => route({ method: "GET", path: "/", replies: { [status]: null } }), /wanted 200 to 599/);
  }
  // @ts-expect-error -- a path starts with a slash
  assert.equal(route({ method: "GET", path: "a", replies }).path, "a");
});

test("nothing of the client needs Node", () => {
  for (const file of globSync(join(import.meta.dirname, "*.ts")).filter((name) => !name.endsWith(".test.ts"))) {
    const source = readFileSync(file, "utf8");
    for (const [, specifier = ""] of source.matchAll(/from "([^"]+)"/g)) {
      assert.match(specifier, /^\.\/|^typebox|^lunet\/client$/, `${file} imports ${specifier}`);
    }
    assert.doesNotMatch(source, /\b(?:process|Buffer)\./, file);
  }
});
