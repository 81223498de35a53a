import assert from "node:assert/strict";
import { Type } from "typebox";
import { sleep } from "../../co/mod.ts";
import { coroutineTest, exchange, requestInProcess, type ClientReply } from "../../testing/mod.ts";
import { route } from "../../client/mod.ts";
import { before, onError } from "../hooks.ts";
import { empty, json, type Reply } from "../reply.ts";
import { Api } from "./api.ts";
import { InvalidRequestError } from "./invalid-request.ts";

const Comment = Type.Object({ id: Type.Integer(), body: Type.String(), tags: Type.Array(Type.String()) });

const addComment = route({
  method: "POST",
  path: "/articles/:slug/comments/:id",
  params: { id: Type.Integer({ minimum: 1 }) },
  query: Type.Object({
    draft: Type.Boolean({ default: false }),
    limit: Type.Optional(Type.Integer({ maximum: 100 })),
    weight: Type.Optional(Type.Number()),
    tag: Type.Array(Type.String(), { maxItems: 3 }),
    order: Type.Optional(Type.Union([Type.Literal("new"), Type.Literal("old")])),
  }),
  content: Type.Object({
    comment: Type.Object({
      body: Type.String({ minLength: 1 }),
      tags: Type.Array(Type.String({ minLength: 2 }), { default: ["none"] }),
    }),
  }),
  replies: { 201: Comment, 204: null },
});

function answering(seen: (call: object) => void = () => {}): Api {
  return new Api().handle(addComment, ({ params, query, content, reply }) => {
    seen({ slug: params.slug, id: params.id, ...query, ...content.comment });
    return reply(201, { id: params.id, body: content.comment.body, tags: content.comment.tags });
  });
}

async function ask(api: Api, path: string, content: unknown = { comment: { body: "b" } }): Promise<ClientReply> {
  return requestInProcess(api, { method: "POST", path, json: content });
}

function problemsIn(reply: ClientReply): unknown {
  const { errors } = reply.json() as { errors: Array<{ in: string; pointer: string; message: string }> };
  return errors.map((one) => `${one.in} ${one.pointer} ${one.message}`);
}

coroutineTest("parameters, query and content come as values of their types, with their defaults", async () => {
  let seen: unknown;
  const api = answering((call) => void (seen = call));
  const reply = await ask(api, "/articles/caf%C3%A9/comments/7");
  assert.deepEqual([reply.status, reply.json()], [201, { id: 7, body: "b", tags: ["none"] }]);
  assert.equal(reply.field("content-type"), "application/json; charset=utf-8");
  assert.deepEqual(seen, { slug: "café", id: 7, draft: false, tag: [], body: "b", tags: ["none"] });
  await ask(api, "/articles/a/comments/7?draft=true&limit=-5&weight=1.5e1&tag=x&tag=y+z&order=old&other=1", {
    comment: { body: "b", tags: ["aa"] },
  });
  assert.deepEqual(seen, {
    slug: "a",
    id: 7,
    draft: true,
    limit: -5,
    weight: 15,
    tag: ["x", "y z"],
    order: "old",
    body: "b",
    tags: ["aa"],
  });
});

coroutineTest("a default is a new value for each request", async () => {
  const api = answering((call) => void (call as { tags: string[] }).tags.push("more"));
  for (let time = 0; time < 2; time++) {
    assert.deepEqual((await ask(api, "/articles/a/comments/7")).json(), { id: 7, body: "b", tags: ["none", "more"] });
  }
});

coroutineTest("the content makes no difference whether it comes with its head or later", async () => {
  const content = '{"comment":{"body":"b"}}';
  const head =
    "POST /articles/a/comments/7 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
    `Content-Length: ${content.length}\r\n\r\n`;
  const whole = await exchange(answering(), head + content);
  const pieces = await exchange(answering(), [head, content.slice(0, 9), content.slice(9)]);
  assert.match(whole, /^HTTP\/1\.1 201 [^]*\{"id":7,"body":"b","tags":\["none"\]\}$/);
  assert.equal(withoutDate(pieces), withoutDate(whole));
});

function withoutDate(text: string): string {
  return text.replace(/Date: .*\r\n/, "");
}

coroutineTest("what is wrong with the path and the query is 400, and every field is named", async () => {
  const api = answering(() => assert.fail("the handler ran"));
  const path = await ask(api, "/articles/a/comments/0");
  assert.equal(path.status, 400);
  assert.equal(path.field("content-type"), "application/problem+json");
  assert.equal((path.json() as { code: string }).code, "ERR_HTTP_INVALID_REQUEST");
  assert.deepEqual(problemsIn(path), ["path /id must be >= 1"]);
  const query = "draft=yes&limit=101&limit=1&weight=&tag=1&tag=2&tag=3&tag=4&order=middle";
  assert.deepEqual(problemsIn(await ask(api, `/articles/a/comments/7?${query}`)), [
    "query /limit must be there once",
    "query /draft must be boolean",
    "query /limit must be <= 100",
    "query /weight must be number",
    "query /tag must not have more than 3 items",
    'query /order must be "new" or "old"',
  ]);
});

coroutineTest("text is a number or a boolean only in its plain form", async () => {
  const read = route({
    method: "GET",
    path: "/",
    query: Type.Object(
      {
        i: Type.Optional(Type.Integer()),
        n: Type.Optional(Type.Number()),
        b: Type.Optional(Type.Boolean()),
        u: Type.Optional(Type.Union([Type.Integer(), Type.Literal("all")])),
        s: Type.Optional(Type.String()),
      },
      { additionalProperties: false },
    ),
    replies: { 200: Type.Unknown() },
  });
  const api = new Api().handle(read, ({ query, reply }) => reply(200, query));
  const get = async (query: string): Promise<unknown> => {
    const reply = await requestInProcess(api, { path: `/?${query}` });
    return reply.status === 200 ? reply.json() : reply.status;
  };
  assert.deepEqual(await get("i=-12&n=-0.5&b=true&u=3&s=5"), { i: -12, n: -0.5, b: true, u: 3, s: "5" });
  assert.deepEqual(await get("u=all&s="), { u: "all", s: "" });
  const refused = [
    "i=1.0",
    "i=1e3",
    "i=+1",
    "i=0x10",
    "i=",
    "i=9007199254740993",
    "i=%201",
    "n=NaN",
    "n=1e999",
    "n=Infinity",
  ];
  for (const query of [...refused, "n=.5", "b=1", "b=True", "b=", "u=some", "x=1", "__proto__=1", "s=1&s=2"]) {
    assert.equal(await get(query), 400, query);
  }
});

coroutineTest("what is wrong with the content is 422, and every field is named", async () => {
  const api = answering(() => assert.fail("the handler ran"));
  const reply = await ask(api, "/articles/a/comments/7", { comment: { tags: ["x", 5, ...Array(12).fill("")] } });
  assert.deepEqual([reply.status, (reply.json() as { code: string }).code], [422, "ERR_HTTP_INVALID_CONTENT"]);
  assert.deepEqual((problemsIn(reply) as string[]).slice(0, 4), [
    "content /comment/body is required",
    "content /comment/tags/0 must not have fewer than 2 characters",
    "content /comment/tags/1 must be string",
    "content /comment/tags/2 must not have fewer than 2 characters",
  ]);
  assert.equal((problemsIn(reply) as string[]).length, 15);
  assert.deepEqual(problemsIn(await ask(api, "/articles/a/comments/7", [])), ["content  must be object"]);
  assert.deepEqual(problemsIn(await ask(api, "/articles/a/comments/7", null)), ["content  must be object"]);
});

coroutineTest("no more than a hundred problems are told", async () => {
  const reply = await ask(answering(), "/articles/a/comments/7", { comment: { body: "", tags: Array(500).fill(1) } });
  assert.equal((problemsIn(reply) as string[]).length, 100);
});

coroutineTest("content must be JSON: 415 by its type, 400 by what it is", async () => {
  const api = answering(() => assert.fail("the handler ran"));
  const path = "/articles/a/comments/7";
  const post = async (type: string | undefined, content: string): Promise<number> => {
    const fields: Record<string, string> = type === undefined ? {} : { "Content-Type": type };
    return (await requestInProcess(api, { method: "POST", path, fields, content })).status;
  };
  for (const type of [undefined, "", "text/plain", "application/jsonx", "application/x-www-form-urlencoded", "json"]) {
    assert.equal(await post(type, '{"comment":{"body":"b"}}'), 415, String(type));
  }
  for (const content of ["", "{", "undefined"]) assert.equal(await post("application/json", content), 400);
  const refused = await requestInProcess(api, {
    method: "POST",
    path,
    content: "x",
    fields: { "Content-Type": "a/b" },
  });
  assert.deepEqual(refused.json(), { title: "Unsupported Media Type", status: 415, code: "ERR_HTTP_MEDIA_TYPE" });
  const fine = answering();
  for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/vnd.a.b+json ;x=y"]) {
    const content = '{"comment":{"body":"b"}}';
    const reply = await requestInProcess(fine, { method: "POST", path, fields: { "Content-Type": type }, content });
    assert.equal(reply.status, 201, type);
  }
});

coroutineTest("a reply has what its schema has, and nothing else", async () => {
  const get = route({ method: "GET", path: "/", replies: { 200: Comment } });
  const row = { id: 1, body: "b", tags: [], passwordHash: "secret" };
  const reply = await requestInProcess(new Api().handle(get, (call) => call.reply(200, row)));
  assert.deepEqual(reply.json(), { id: 1, body: "b", tags: [] });
});

coroutineTest("a reply that is not what was declared is the handler's failure, and is not sent", async () => {
  const get = route({
    method: "GET",
    path: "/",
    replies: { 200: Type.Object({ name: Type.String({ minLength: 3 }) }) },
  });
  const failing = async (api: Api): Promise<string> => {
    let message = "";
    const onFailure = (error: unknown): void => void (message = (error as Error).message);
    assert.equal((await requestInProcess(api, {}, { onFailure })).status, 500);
    return message;
  };
  // @ts-expect-error -- not a string
  const wrongType = new Api().handle(get, ({ reply }) => reply(200, { name: 5 }));
  // Whether all is checked or what is written.
  assert.match(await failing(wrongType), /^Cannot reply.*"\/name"/);
  // @ts-expect-error -- not declared
  const wrongStatus = new Api().handle(get, ({ reply }) => reply(201, { name: "abc" }));
  assert.match(await failing(wrongStatus), /found status 201, which the route does not declare/);
  const tooShort = new Api({ checkReplies: true }).handle(get, ({ reply }) => reply(200, { name: "a" }));
  assert.match(await failing(tooShort), /"\/name" must not have fewer than 3 characters/);
  const unchecked = new Api({ checkReplies: false }).handle(get, ({ reply }) => reply(200, { name: "a" }));
  assert.equal((await requestInProcess(unchecked)).status, 200);
});

coroutineTest(
  "a reply without content, one with fields, and one that was not declared are sent as they are",
  async () => {
    const remove = route({ method: "DELETE", path: "/things/:id", replies: { 204: null, 200: Type.String() } });
    const api = new Api().handle(remove, ({ params, reply }) => {
      if (params.id === "fields") return reply(200, "gone", { "X-Id": params.id });
      if (params.id === "other") return json({ free: true }, { status: 202 });
      return params.id === "bare" ? reply(204, undefined, { "X-Id": "bare" }) : reply(204);
    });
    const ask204 = async (id: string): Promise<unknown[]> => {
      const reply = await requestInProcess(api, { method: "DELETE", path: `/things/${id}` });
      return [reply.status, reply.text(), reply.field("x-id")];
    };
    assert.deepEqual(await ask204("1"), [204, "", undefined]);
    assert.deepEqual(await ask204("bare"), [204, "", "bare"]);
    assert.deepEqual(await ask204("fields"), [200, '"gone"', "fields"]);
    assert.deepEqual(await ask204("other"), [202, '{"free":true}', undefined]);
  },
);

coroutineTest("a handler without content is called without a wait, one that waits may", async () => {
  const get = route({ method: "GET", path: "/now/:id", replies: { 200: Type.String() } });
  const later = route({ method: "GET", path: "/later", replies: { 200: Type.String() } });
  const api = new Api()
    .handle(get, ({ params, reply }) => reply(200, params.id))
    .handle(later, async ({ reply }) => {
      await sleep(0);
      return reply(200, "later");
    });
  let result: unknown;
  const handler = (request: Parameters<Api["handler"]>[0]) => (result = api.handler(request)) as Reply;
  assert.equal((await requestInProcess(handler, { path: "/now/1" })).text(), '"1"');
  assert.equal(result instanceof Promise, false);
  assert.equal((await requestInProcess(handler, { path: "/later" })).text(), '"later"');
});

coroutineTest("hooks of a group and of a route stand around the checks, and may answer what they refuse", async () => {
  const get = route({ method: "GET", path: "/:id", params: { id: Type.Integer() }, replies: { 200: Type.Integer() } });
  const order: string[] = [];
  const api = new Api();
  const shaped = onError((error) => {
    if (!(error instanceof InvalidRequestError)) return undefined;
    const errors = Object.fromEntries(error.problems.map(({ pointer, message }) => [pointer.slice(1), [message]]));
    return json({ errors }, { status: 422 });
  });
  api.group(before(() => void order.push("group"))).handle(
    get,
    ({ params, reply }) => {
      order.push("handler");
      return reply(200, params.id);
    },
    before(() => void order.push("route")),
    shaped,
  );
  assert.equal((await requestInProcess(api, { path: "/7" })).text(), "7");
  assert.deepEqual(order, ["group", "route", "handler"]);
  const refused = await requestInProcess(api, { path: "/x" });
  assert.deepEqual([refused.status, refused.json()], [422, { errors: { id: ["must be integer"] } }]);
  assert.deepEqual(api.routes, [get]);
});

coroutineTest("the server's `errorReply` may answer what the checks refuse", async () => {
  const reply = await requestInProcess(
    answering(),
    { method: "POST", path: "/articles/a/comments/x" },
    {
      errorReply: (error) => (error instanceof InvalidRequestError ? empty(418) : empty(error.status)),
    },
  );
  assert.equal(reply.status, 418);
});
