import assert from "node:assert/strict";
import { coroutineTest, requestInProcess } from "../../testing/mod.ts";
import type { Handler } from "../handler.ts";
import { json } from "../reply.ts";
import { form, type FormLimits } from "./form.ts";

const TYPE = "application/x-www-form-urlencoded";

function post(content: string | Uint8Array, limits: Partial<FormLimits> = {}, type = TYPE) {
  const handler: Handler = async (request) => json([...(await form(request, limits))]);
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  return requestInProcess(handler, {
    method: "POST",
    content: bytes,
    fields: type === "" ? {} : { "Content-Type": type },
  });
}

coroutineTest("a form is its pairs, in their order, as a browser encodes them", async () => {
  const pairs = [
    ["title", "Grüße & Küsse = 100 %+"],
    ["tag", "a"],
    ["tag", "b"],
    ["empty", ""],
    ["", "nameless"],
    ["lines", "a\r\nb"],
  ];
  const reply = await post(new URLSearchParams(pairs).toString());
  assert.deepEqual(reply.json(), pairs);
  assert.deepEqual((await post("")).json(), []);
  assert.deepEqual((await post("a&&b=", {}, `${TYPE.toUpperCase()}; charset=UTF-8`)).json(), [
    ["a", ""],
    ["b", ""],
  ]);
});

coroutineTest("what is malformed is answered 400", async () => {
  for (const content of ["a=%", "a=%zz", "%c3=b", "a=%ff", "a=\xff"]) {
    assert.equal((await post(content)).status, 400, content);
  }
});

coroutineTest("other types are answered 415", async () => {
  for (const type of ["", "text/plain", "multipart/form-data; boundary=a", `${TYPE}x`]) {
    assert.equal((await post("a=b", {}, type)).status, 415, type);
  }
});

coroutineTest("a form within its limits is read, one past them is answered 413 by the limit's name", async () => {
  assert.equal((await post("a&b&&c", { maxFields: 3 })).status, 200);
  const many = await post("a&b&c&d", { maxFields: 3 });
  assert.equal(many.status, 413);
  assert.equal((many.json() as Record<string, unknown>)["limit"], "maxFields");
  assert.equal((await post("a=4567890", { maxBytes: 9 })).status, 200);
  const long = await post("a=45678901", { maxBytes: 9 });
  assert.equal(long.status, 413);
  assert.equal((long.json() as Record<string, unknown>)["limit"], "maxBytes");
  assert.equal((await post(`${"&".repeat(60_000)}a`)).status, 200);
});

coroutineTest("limits that make no sense are refused", async () => {
  for (const limits of [{ maxFields: -1 }, { maxBytes: 0.5 }, { maxBytes: NaN }]) {
    const handler: Handler = async (request) => {
      await assert.rejects(form(request, limits), RangeError);
      return json("ok");
    };
    assert.equal((await requestInProcess(handler)).status, 200);
  }
});
