import assert from "node:assert/strict";
import { coroutineTest, exchange, requestInProcess } from "../../testing/mod.ts";
import { json, requestIds, type Handler, type ReplyEvent } from "../mod.ts";

const tell: Handler = (request) => json({ id: request.id });
const handler = requestIds()(tell);

async function idOf(fields: Readonly<Record<string, string | readonly string[]>>, trusted = true): Promise<string> {
  const options = trusted ? { trustedProxies: ["memory"] } : {};
  const reply = await requestInProcess(handler, { fields }, options);
  const { id } = reply.json() as { readonly id: string };
  assert.equal(reply.field("x-request-id"), id, "the reply tells what the handler saw");
  return id;
}

coroutineTest("every request has an id of its own, which the reply tells", async () => {
  const ids = await Promise.all(Array.from({ length: 50 }, () => idOf({})));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{8}\.[0-9a-z]+$/);
});

coroutineTest("the id of a trusted proxy is taken, up to 128 characters that are safe everywhere", async () => {
  for (const id of [
    "a",
    "4c3f9e5a-7d21-4e0b-9f7e-2f1a9b0c8d7e",
    "Root=1-67891233-abcdef012345678912345678",
    "x".repeat(128),
  ]) {
    assert.equal(await idOf({ "X-Request-Id": id }), id);
  }
  for (const id of ["", "x".repeat(129), "a b", "a,b", 'a"b', "a;b", "ä", "<script>"]) {
    assert.notEqual(await idOf({ "X-Request-Id": id }), id);
  }
  assert.doesNotMatch(await idOf({ "X-Request-Id": ["one", "two"] }), /one|two/);
});

coroutineTest("nobody else's is", async () => {
  assert.notEqual(await idOf({ "X-Request-Id": "mine" }, false), "mine");
});

coroutineTest("the field may have another name", async () => {
  const named = requestIds({ field: "X-Correlation-Id" })(tell);
  const fields = { "X-Correlation-Id": "abc", "X-Request-Id": "def" };
  const reply = await requestInProcess(named, { fields }, { trustedProxies: ["memory"] });
  assert.deepEqual([reply.field("x-correlation-id"), reply.field("x-request-id")], ["abc", undefined]);
  assert.throws(() => requestIds({ field: "a b" }), TypeError);
});

coroutineTest("replies to failures have it, and so have log and report", async () => {
  const replies: ReplyEvent[] = [];
  const reported: Array<string | undefined> = [];
  const failing = requestIds()(() => Promise.reject(new Error("provoked")));
  const reply = await requestInProcess(
    failing,
    {},
    { onReply: (event) => replies.push(event), onFailure: (_error, request) => reported.push(request?.id) },
  );
  assert.equal(reply.status, 500);
  const id = reply.field("x-request-id");
  assert.deepEqual([replies[0]?.request.id, reported], [id, [id]]);
});

coroutineTest("each of several requests that come together has its own", async () => {
  const all = await exchange(handler, "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
  const ids = [...all.matchAll(/^X-Request-Id: (.*)\r$/gm)].map(([, id]) => id);
  assert.equal(new Set(ids).size, 3);
});

coroutineTest("an id that a program sets is checked", async () => {
  const reply = await requestInProcess((request) => {
    assert.throws(() => (request.id = "a\r\nb"), TypeError);
    request.id = "b";
    return tell(request);
  });
  assert.deepEqual(reply.json(), { id: "b" });
});
