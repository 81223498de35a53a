import assert from "node:assert/strict";
import { test } from "node:test";
import { coroutineTest, exchange, requestInProcess } from "../testing/mod.ts";
import type { Handler } from "./handler.ts";
import { text, type Reply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import { Router, type RouterOptions } from "./router.ts";

/** Tells which route was taken, and with which parameters. */
function tell(route: string): Handler {
  return (request) => text(JSON.stringify([route, { ...request.params }]));
}

/** A router with a GET route for each path, which tells its path. */
function routerOf(...paths: string[]): Router {
  const router = new Router();
  for (const path of paths) router.get(path, tell(path));
  return router;
}

async function ask(router: Router, path: string, method = "GET"): Promise<unknown> {
  const reply = await requestInProcess(router, { path, method });
  return reply.status === 200 ? reply.json() : reply.status;
}

coroutineTest("static paths are found whole", async () => {
  const router = routerOf("/", "/a", "/a/b", "/a/b/");
  for (const path of ["/", "/a", "/a/b", "/a/b/"]) assert.deepEqual(await ask(router, path), [path, {}]);
  for (const path of ["/b", "/a/", "/a/b/c", "/A", "//a", "/a//b", "//"]) assert.equal(await ask(router, path), 404);
});

coroutineTest("the query is no part of the path", async () => {
  const router = routerOf("/a", "/:id/x");
  assert.deepEqual(await ask(router, "/a?b=/c"), ["/a", {}]);
  assert.deepEqual(await ask(router, "/1/x?/y"), ["/:id/x", { id: "1" }]);
});

coroutineTest("a parameter is one segment that is not empty", async () => {
  const router = routerOf("/users/:name", "/users/:name/posts/:post");
  assert.deepEqual(await ask(router, "/users/ada"), ["/users/:name", { name: "ada" }]);
  assert.deepEqual(await ask(router, "/users/ada/posts/7"), ["/users/:name/posts/:post", { name: "ada", post: "7" }]);
  for (const path of ["/users/", "/users", "/users/ada/", "/users//posts/7", "/users/ada/posts/"]) {
    assert.equal(await ask(router, path), 404, path);
  }
});

coroutineTest("a wildcard is the rest, which may be empty", async () => {
  const router = routerOf("/files/*path", "/:kind/by/*rest");
  assert.deepEqual(await ask(router, "/files/"), ["/files/*path", { path: "" }]);
  assert.deepEqual(await ask(router, "/files/a"), ["/files/*path", { path: "a" }]);
  assert.deepEqual(await ask(router, "/files/a//b/"), ["/files/*path", { path: "a//b/" }]);
  assert.deepEqual(await ask(router, "/x/by/y/z"), ["/:kind/by/*rest", { kind: "x", rest: "y/z" }]);
  assert.equal(await ask(router, "/files"), 404);
});

coroutineTest("static goes before parameter, parameter before wildcard, segment by segment", async () => {
  const paths = ["/a/b", "/a/:x", "/a/*rest", "/:y/b", "/:y/c/d", "/*all"];
  // In whatever order they were added.
  for (const router of [routerOf(...paths), routerOf(...paths.toReversed())]) {
    assert.deepEqual(await ask(router, "/a/b"), ["/a/b", {}]);
    assert.deepEqual(await ask(router, "/a/c"), ["/a/:x", { x: "c" }]);
    assert.deepEqual(await ask(router, "/a/"), ["/a/*rest", { rest: "" }]);
    assert.deepEqual(await ask(router, "/a/c/e"), ["/a/*rest", { rest: "c/e" }]);
    assert.deepEqual(await ask(router, "/z/b"), ["/:y/b", { y: "z" }]);
    assert.deepEqual(await ask(router, "/z/c/d"), ["/:y/c/d", { y: "z" }]);
    assert.deepEqual(await ask(router, "/z/c/e"), ["/*all", { all: "z/c/e" }]);
    assert.deepEqual(await ask(router, "/a"), ["/*all", { all: "a" }]);
  }
});

coroutineTest("a dead end goes back to the last choice", async () => {
  const router = routerOf("/a/b/c", "/a/:x/d", "/:y/b/e");
  assert.deepEqual(await ask(router, "/a/b/d"), ["/a/:x/d", { x: "b" }]);
  assert.deepEqual(await ask(router, "/a/b/e"), ["/:y/b/e", { y: "a" }]);
  assert.equal(await ask(router, "/a/b/f"), 404);
});

coroutineTest("parameters are decoded once; the path is compared as it is on the wire", async () => {
  const router = routerOf("/u/:name", "/f/*path", "/caf%C3%A9");
  assert.deepEqual(await ask(router, "/u/caf%C3%A9%20%2F%2B+"), ["/u/:name", { name: "café /++" }]);
  assert.deepEqual(await ask(router, "/u/%2525"), ["/u/:name", { name: "%25" }]);
  assert.deepEqual(await ask(router, "/u/%2e%2e"), ["/u/:name", { name: ".." }]);
  assert.deepEqual(await ask(router, "/f/a%2Fb/c"), ["/f/*path", { path: "a/b/c" }]);
  assert.deepEqual(await ask(router, "/caf%C3%A9"), ["/caf%C3%A9", {}]);
  assert.equal(await ask(router, "/caf%c3%a9"), 404);
  assert.equal(await ask(router, "/%75/x"), 404);
});

coroutineTest("malformed percent-encoding in a parameter is answered 400", async () => {
  const router = routerOf("/u/:name", "/f/*path", "/static");
  for (const bad of ["%", "%2", "%zz", "%ff", "%c0%80", "%ed%a0%80", "%00", "a%00b"]) {
    assert.equal(await ask(router, `/u/${bad}`), 400, bad);
    assert.equal(await ask(router, `/f/x/${bad}`), 400, bad);
  }
  // Nothing is decoded there.
  assert.equal(await ask(router, "/%zz"), 404);
});

coroutineTest("a method that the path has not is answered 405 with Allow", async () => {
  const router = new Router().get("/a", tell("get")).put("/a", tell("put")).post("/b/:id", tell("post"));
  const refused = await requestInProcess(router, { path: "/a", method: "DELETE" });
  assert.equal(refused.status, 405);
  assert.equal(refused.field("allow"), "GET, HEAD, OPTIONS, PUT");
  assert.equal((await requestInProcess(router, { path: "/b/1" })).field("allow"), "OPTIONS, POST");
  assert.equal(await ask(router, "/b/1", "HEAD"), 405);
  // Methods are case-sensitive.
  assert.equal(await ask(router, "/a", "get"), 405);
  assert.equal(await ask(router, "/c", "DELETE"), 404);
});

coroutineTest("the path decides alone: a wildcard does not answer for a static route", async () => {
  const router = new Router().post("/login", tell("login")).get("/*path", tell("page"));
  assert.equal(await ask(router, "/login"), 405);
  assert.deepEqual(await ask(router, "/other"), ["page", { path: "other" }]);
});

coroutineTest("GET answers HEAD, unless HEAD has a route of its own", async () => {
  const router = new Router().get("/a", tell("get"));
  const head = await requestInProcess(router, { path: "/a", method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.field("content-length"), String('["get",{}]'.length));
  assert.equal(head.text(), "");
  router.route("HEAD", "/a", () => text("", { fields: { "X-Own": "yes" } }));
  assert.equal((await requestInProcess(router, { path: "/a", method: "HEAD" })).field("x-own"), "yes");
});

coroutineTest("OPTIONS is answered with Allow, unless it has a route of its own", async () => {
  const router = new Router().get("/a/:id", tell("get")).delete("/a/:id", tell("delete")).patch("/b", tell("patch"));
  const reply = await requestInProcess(router, { path: "/a/1", method: "OPTIONS" });
  assert.equal(reply.status, 204);
  assert.equal(reply.field("allow"), "DELETE, GET, HEAD, OPTIONS");
  assert.equal(await ask(router, "/c", "OPTIONS"), 404);
  router.route("OPTIONS", "/b", tell("own"));
  assert.deepEqual(await ask(router, "/b", "OPTIONS"), ["own", {}]);
});

coroutineTest("OPTIONS * tells the methods of all routes, whatever route / and /* have", async () => {
  const raw = "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
  const router = new Router().put("/a", tell("put")).get("/", tell("root")).route("PURGE", "/*path", tell("purge"));
  assert.match(await exchange(router, raw), /^HTTP\/1\.1 204 [^]*\r\nAllow: GET, HEAD, OPTIONS, PURGE, PUT\r\n/);
  const empty = await exchange(new Router(), raw);
  assert.match(empty, /^HTTP\/1\.1 204 [^]*\r\nAllow: OPTIONS\r\n/);
});

coroutineTest("the options shape what the router answers itself", async () => {
  const seen: string[] = [];
  const options: RouterOptions = {
    notFound: (request) => text(`none at ${request.path}`, { status: 404 }),
    methodNotAllowed: (request: HttpRequest, allow: string): Reply => {
      seen.push(`${request.method} ${allow}`);
      return text("no", { status: 405, fields: { "X-Own": "yes" } });
    },
    onOptions: (request: HttpRequest, allow: string): Reply =>
      text(`${request.path} ${allow}`, { fields: { "Access-Control-Allow-Methods": allow } }),
  };
  const router = new Router(options).get("/a", tell("get"));
  assert.equal((await requestInProcess(router, { path: "/b" })).text(), "none at /b");
  const refused = await requestInProcess(router, { path: "/a", method: "POST" });
  assert.equal(refused.text(), "no");
  assert.equal(refused.field("allow"), "GET, HEAD, OPTIONS");
  assert.equal(refused.field("x-own"), "yes");
  assert.deepEqual(seen, ["POST GET, HEAD, OPTIONS"]);
  const asked = await requestInProcess(router, { path: "/a", method: "OPTIONS" });
  assert.equal(asked.text(), "/a GET, HEAD, OPTIONS");
  assert.match(await exchange(router, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), /\r\n\r\n\* GET, HEAD, OPTIONS$/);
});

coroutineTest("hostile names are names like others", async () => {
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
  const paramsOf = (request: HttpRequest) => {
    const { params } = request;
    // What it inherits from is empty, and inherits nothing.
    const inherited = Object.getPrototypeOf(params) as object | null;
    assert.deepEqual(Reflect.ownKeys(inherited ?? {}), []);
    assert.equal(inherited === null ? null : Object.getPrototypeOf(inherited), null);
    return text(JSON.stringify(Object.entries(params)));
  };
  for (const name of names) {
    const router = new Router().get(`/p/:${name}`, paramsOf).get(`/${name}`, paramsOf).get("/q/:id", paramsOf);
    assert.deepEqual(await ask(router, "/p/polluted"), [[name, "polluted"]]);
    assert.deepEqual(await ask(router, `/${name}`), []);
    assert.deepEqual(await ask(router, `/q/${name}`), [["id", name]]);
    assert.equal(await ask(router, `/q/${name}/${name}`), 404);
    assert.equal(await ask(router, `/${name}/x`), 404);
    assert.equal(await ask(router, `/p/x`, name), 405);
  }
  const empty = routerOf();
  for (const name of names) assert.equal(await ask(empty, `/${name}`), 404);
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});

coroutineTest("a name that a route has not is not among its parameters", async () => {
  const tellConstructor = (request: HttpRequest) => text(JSON.stringify(request.params["constructor"] ?? null));
  const router = new Router().get("/a", tellConstructor).get("/b/:id", tellConstructor);
  assert.equal(await ask(router, "/a"), null);
  assert.equal(await ask(router, "/b/1"), null);
});

coroutineTest("a path may have 64 segments, and no route has more", async () => {
  const router = routerOf("/*path", "/x/:id");
  const deep = (count: number) => `/${Array(count).fill("s").join("/")}`;
  assert.deepEqual(await ask(router, deep(64)), ["/*path", { path: deep(64).slice(1) }]);
  assert.equal(await ask(router, deep(65)), 404);
  assert.equal(await ask(router, deep(4_000)), 404);
  router.get(`${deep(63)}/end`, tell("deep"));
  assert.deepEqual(await ask(router, `${deep(63)}/end`), ["deep", {}]);
  assert.throws(() => router.get(deep(65), tell("too deep")), TypeError);
});

coroutineTest("many routes with parameters are walked without a blow-up", async () => {
  // Each level offers a literal and a parameter; only the last segment tells that neither fits.
  const router = new Router();
  for (let bits = 0; bits < 256; bits++) {
    const segments = Array.from({ length: 8 }, (_, index) => ((bits >> index) & 1 ? "a" : `:p${index}`));
    router.get(`/${segments.join("/")}/end`, tell("end"));
  }
  assert.equal(await ask(router, "/a/a/a/a/a/a/a/a/none"), 404);
  assert.deepEqual(await ask(router, "/a/a/a/a/a/a/a/a/end"), ["end", {}]);
  assert.deepEqual(await ask(router, "/b/a/a/a/a/a/a/a/end"), ["end", { p0: "b" }]);
});

coroutineTest("names belong to a route, not to a place", async () => {
  const router = new Router().get("/a/:id", tell("get")).delete("/a/:name", tell("delete"));
  assert.deepEqual(await ask(router, "/a/1"), ["get", { id: "1" }]);
  assert.deepEqual(await ask(router, "/a/1", "DELETE"), ["delete", { name: "1" }]);
});

const malformed: ReadonlyArray<readonly [what: string, method: string, path: string]> = [
  ["a path without a slash", "GET", "a"],
  ["an empty path", "GET", ""],
  ["a parameter without a name", "GET", "/:"],
  ["a wildcard without a name", "GET", "/*"],
  ["a parameter with a name of other characters", "GET", "/:id.json"],
  ["a parameter whose name starts with a digit", "GET", "/:1"],
  ["the same name twice", "GET", "/:a/:a"],
  ["a wildcard that is not last", "GET", "/*a/b"],
  ["a literal that is not encoded", "GET", "/café"],
  ["a space", "GET", "/a b"],
  ["a query", "GET", "/a?b"],
  ["a fragment", "GET", "/a#b"],
  ["an empty method", "", "/"],
  ["a method that is no token", "GET /", "/"],
];
for (const [what, method, path] of malformed) {
  void test(`a route with ${what} is refused`, () => {
    const router = new Router();
    assert.throws(() => router.route(method, path, tell(path)), TypeError);
  });
}

void test("a route that is there already is refused", () => {
  const router = routerOf("/a", "/b/:id", "/c/*rest");
  for (const path of ["/a", "/b/:name", "/c/*path"]) {
    assert.throws(() => router.get(path, tell("again")), /it is there already/);
  }
  router.post("/a", tell("post")).post("/b/:name", tell("post"));
});
