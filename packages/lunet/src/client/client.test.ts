import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { spawn, until } from "../co/mod.ts";
import { serve } from "../http/mod.ts";
import { Api } from "lunet/http/routes";
import { coroutineTest } from "../testing/mod.ts";
import { ClientError } from "./client-error.ts";
import { createClient, type Client, type ClientOptions } from "./client.ts";
import { requestTarget } from "./request-target.ts";
import { route } from "./route.ts";

const Article = Type.Object({ slug: Type.String(), title: Type.String(), version: Type.Integer() });
const getArticle = route({
  method: "GET",
  path: "/articles/:slug/versions/:version",
  params: { version: Type.Integer() },
  query: Type.Object({ tag: Type.Optional(Type.Array(Type.String())), upper: Type.Optional(Type.Boolean()) }),
  replies: { 200: Article, 404: Type.Object({ missing: Type.String() }) },
});
const putArticle = route({
  method: "PUT",
  path: "/articles/:slug",
  content: Type.Object({ title: Type.String({ minLength: 1 }) }),
  replies: { 200: Article, 204: null },
});
const getFile = route({ method: "GET", path: "/files/*path", replies: { 200: Type.String() } });
const list = route({ method: "GET", path: "/articles", replies: { 200: Type.Array(Article) } });

const api = new Api()
  .handle(getArticle, ({ params, query, reply }) => {
    if (params.slug === "none") return reply(404, { missing: params.slug });
    const title = (query.tag ?? []).join("|");
    return reply(200, { ...params, title: query.upper === true ? title.toUpperCase() : title });
  })
  .handle(putArticle, ({ params, content, request, reply }) => {
    if (content.title === "same") return reply(204);
    return reply(200, { slug: params.slug, title: `${content.title} ${request.field("x-by") ?? ""}`, version: 1 });
  })
  .handle(getFile, ({ params, reply }) => reply(200, params.path))
  .handle(list, ({ reply }) => reply(200, []));

coroutineTest("client and server understand each other by the declarations alone", async () => {
  await using server = await serve(api, { port: 0 });
  const client = createClient({ baseUrl: `${server.url}/`, fields: () => ({ "X-By": "ada" }) });
  const slug = "a/b ?#%é\u{1f600}&+";
  const found = await until(
    client.call(getArticle, { params: { slug, version: 7 }, query: { tag: ["x&y", "+ ", "é"], upper: true } }),
  );
  assert.deepEqual([found.status, found.content], [200, { slug, version: 7, title: "X&Y|+ |É" }]);
  assert.equal(found.fields.get("content-type"), "application/json; charset=utf-8");
  const missing = await until(client.call(getArticle, { params: { slug: "none", version: 1 } }));
  assert.deepEqual([missing.status, missing.content], [404, { missing: "none" }]);
  const put = await until(client.call(putArticle, { params: { slug: "a" }, content: { title: "New" } }));
  assert.deepEqual([put.status, put.content], [200, { slug: "a", title: "New ada", version: 1 }]);
  const same = await until(client.call(putArticle, { params: { slug: "a" }, content: { title: "same" } }));
  assert.deepEqual([same.status, same.content], [204, undefined]);
  const file = await until(client.call(getFile, { params: { path: "a b/c" } }));
  assert.equal(file.content, "a b/c");
  assert.deepEqual((await until(client.call(list))).content, []);
});

coroutineTest("what the server's checks refuse is an error with its status and its problems", async () => {
  await using server = await serve(api, { port: 0 });
  const client = createClient({ baseUrl: server.url });
  const error = await until(failure(client.call(putArticle, { params: { slug: "a" }, content: { title: "" } })));
  assert.deepEqual([error.code, error.status], ["ERR_CLIENT_STATUS", 422]);
  assert.equal((error.content as { errors: Array<{ pointer: string }> }).errors[0]?.pointer, "/title");
});

coroutineTest("a call ends with its signal, and a server that is not there is an error with its cause", async () => {
  await using server = await serve(() => until(new Promise<never>(() => {})), { port: 0 });
  const client = createClient({ baseUrl: server.url });
  const controller = new AbortController();
  const calling = spawn(() => until(failure(client.call(list, { signal: controller.signal }))));
  controller.abort(new Error("planned"));
  const aborted = await calling.join();
  assert.deepEqual([aborted.code, (aborted.cause as Error).message], ["ERR_CLIENT_ABORTED", "planned"]);
  await server.close({ graceMs: 0 });
  const gone = await until(failure(client.call(list)));
  assert.equal(gone.code, "ERR_CLIENT_NETWORK");
  assert.ok(gone.cause instanceof Error);
});

function failure(call: Promise<unknown>): Promise<ClientError> {
  return call.then(
    () => assert.fail("the call succeeded"),
    (error: unknown) => {
      assert.ok(error instanceof ClientError, String(error));
      return error;
    },
  );
}

function answering(response: () => Response, options: Partial<ClientOptions> = {}): Client {
  return createClient({ baseUrl: "http://a.test", fetch: async () => response(), ...options });
}

test("content that is not what the route declares is an error", async () => {
  const responses: ReadonlyArray<() => Response> = [
    () => Response.json([{ slug: "a" }]),
    () => Response.json({}),
    () => new Response("[]", { headers: { "Content-Type": "text/html" } }),
    () => new Response("[", { headers: { "Content-Type": "application/json" } }),
    () => new Response(null),
  ];
  for (const response of responses) {
    const error = await failure(answering(response).call(list));
    assert.deepEqual([error.code, error.status], ["ERR_CLIENT_CONTENT", 200]);
  }
  const unchecked = answering(() => Response.json([{ slug: "a" }]), { checkReplies: false });
  assert.deepEqual((await unchecked.call(list)).content, [{ slug: "a" }]);
});

test("content is read up to its limit, and no further", async () => {
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1000).fill(32)),
    cancel: () => void (cancelled = true),
  });
  const response = () => new Response(endless, { headers: { "Content-Type": "application/json" } });
  const error = await failure(answering(response, { maxContentBytes: 10_000 }).call(list));
  assert.deepEqual([error.code, cancelled], ["ERR_CLIENT_CONTENT", true]);
  const exact = answering(() => Response.json([]), { maxContentBytes: 2 });
  assert.deepEqual((await exact.call(list)).content, []);
  assert.equal((await failure(answering(() => Response.json([]), { maxContentBytes: 1 }).call(list))).code, error.code);
});

test("a reply that is cut off is a failure of the network", async () => {
  const broken = () =>
    new Response(new ReadableStream({ start: (controller) => controller.error(new Error("cut off")) }));
  const error = await failure(answering(broken).call(list));
  assert.deepEqual([error.code, (error.cause as Error).message], ["ERR_CLIENT_NETWORK", "cut off"]);
});

test("the target of a request is encoded, and what no path can say is refused", () => {
  const get = { method: "GET", path: "/a/:x/*rest" } as const;
  assert.equal(requestTarget(get, { x: "é/?", rest: "b c/d/" }), "/a/%C3%A9%2F%3F/b%20c/d/");
  assert.equal(
    requestTarget(get, { x: 5, rest: "" }, { q: [1, true], none: undefined, empty: [] }),
    "/a/5/?q=1&q=true",
  );
  for (const params of [
    {},
    { x: "", rest: "" },
    { x: ".", rest: "" },
    { x: "..", rest: "" },
    { x: "a", rest: "b/../c" },
  ]) {
    assert.throws(() => requestTarget(get, params), TypeError);
  }
  for (const x of [null, {}, Symbol("s"), "\ud800"])
    assert.throws(() => requestTarget(get, { x, rest: "" }), TypeError);
});

test("a base URL with a query, and a limit that is none, are refused", () => {
  for (const baseUrl of ["http://a/?x", "http://a/#x"]) assert.throws(() => createClient({ baseUrl }), TypeError);
  for (const maxContentBytes of [-1, 1.5, NaN]) {
    assert.throws(() => createClient({ baseUrl: "", maxContentBytes }), RangeError);
  }
});

test("types: a call takes what its route declares, and its status tells the content", () => {
  const check = async (client: Client): Promise<void> => {
    // @ts-expect-error -- the parameters are missing
    await client.call(getArticle);
    // @ts-expect-error -- the version is a number
    await client.call(getArticle, { params: { slug: "a", version: "1" } });
    // @ts-expect-error -- the content is missing
    await client.call(putArticle, { params: { slug: "a" } });
    // @ts-expect-error -- no such name in the query
    await client.call(getArticle, { params: { slug: "a", version: 1 }, query: { nothing: 1 } });
    const reply = await client.call(getArticle, { params: { slug: "a", version: 1 } });
    // @ts-expect-error -- the status is not known yet
    String(reply.content.title);
    if (reply.status === 200) reply.content.title satisfies string;
    else reply.content.missing satisfies string;
    // @ts-expect-error -- not declared
    if (reply.status === 500) return;
    const put = await client.call(putArticle, { params: { slug: "a" }, content: { title: "t" } });
    if (put.status === 204) put.content satisfies undefined;
  };
  assert.equal(typeof check, "function");
});

test("no parameter leads to another host", () => {
  const any = route({ method: "GET", path: "/*rest", replies: { 200: Type.String() } });
  assert.throws(() => requestTarget(any, { rest: "/evil.test/x" }), /found "\/\/" at the start of the path/);
  assert.equal(requestTarget(any, { rest: "a//b" }), "/a//b");
  assert.equal(requestTarget(any, { rest: "" }), "/");
});
