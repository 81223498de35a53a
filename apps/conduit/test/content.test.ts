/** The content of requests: what is no JSON object, encodings, sizes, media types. What is refused is not stored. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer } from "./harness.ts";
import { RawConnection } from "./raw-connection.ts";
import { assertErrors, assertRefused, only } from "./shapes.ts";

const conduit = await conduitForFile();
const user = await conduit.register();
const article = await conduit.publish(user);
const BODY_INVALID = { body: ["is invalid"] };

const endpoints: ReadonlyArray<readonly [method: string, path: string]> = [
  ["POST", "/api/users"],
  ["POST", "/api/users/login"],
  ["PUT", "/api/user"],
  ["POST", "/api/articles"],
  ["PUT", `/api/articles/${article.slug}`],
  ["POST", `/api/articles/${article.slug}/comments`],
];

function send(method: string, path: string, raw: string | Uint8Array): Promise<Answer> {
  return conduit.request(method, path, { token: path.startsWith("/api/users") ? undefined : user.token, raw });
}

/** Everything that a refused request could have changed. */
async function stored(): Promise<unknown> {
  const [me, articles, comments, tags] = await Promise.all([
    conduit.request("GET", "/api/user", { token: user.token }),
    conduit.request("GET", "/api/articles"),
    conduit.request("GET", `/api/articles/${article.slug}/comments`),
    conduit.request("GET", "/api/tags"),
  ]);
  return [{ ...me.json.user, token: "" }, articles.json, comments.json, tags.json];
}

const malformed: ReadonlyArray<readonly [name: string, raw: string | Uint8Array]> = [
  ["empty content", ""],
  ["white space alone", " \r\n\t "],
  ["an open object", '{"user":{"bio":"x"}'],
  ["a comma too many", '{"user":{"bio":"x",}}'],
  ["single quotes", "{'user':{'bio':'x'}}"],
  ["no quotes", "{user:{bio:1}}"],
  ["a comment", '{"user":{"bio":"x"}} // y'],
  ["two values", '{"user":{"bio":"x"}}{"user":{}}'],
  ["a NUL after it", '{"user":{"bio":"x"}}\u0000'],
  ["a control character in text", '{"user":{"bio":"a\nb"}}'],
  ["NaN", '{"user":{"bio":NaN}}'],
  ["a form", "user%5Bbio%5D=x"],
  ["XML", "<user><bio>x</bio></user>"],
  ["null", "null"],
  ["true", "true"],
  ["a number", "5"],
  ["text", '"user"'],
  ["an array", "[]"],
  ["an array of objects", '[{"user":{"bio":"x"}}]'],
  ["deep arrays", "[".repeat(100_000) + "]".repeat(100_000)],
  ["deep arrays that do not close", "[".repeat(500_000)],
  ["deep objects that do not close", '{"a":'.repeat(100_000)],
  ["invalid UTF-8", Buffer.concat([Buffer.from('{"user":{"bio":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')])],
  ["overlong UTF-8", Buffer.concat([Buffer.from('{"user":{"bio":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}}')])],
  [
    "a surrogate in UTF-8",
    Buffer.concat([Buffer.from('{"user":{"bio":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}}')]),
  ],
  ["cut UTF-8", Buffer.concat([Buffer.from('{"user":{"bio":"'), Buffer.from([0xe6, 0x97]), Buffer.from('"}}')])],
  ["UTF-16", Buffer.from('{"user":{"bio":"x"}}', "utf16le")],
];

for (const [name, raw] of malformed) {
  test(`answers 400 body is invalid to ${name}, on every endpoint that reads content, and stores nothing`, async () => {
    const before = await stored();
    for (const [method, path] of endpoints) assertErrors(await send(method, path, raw), 400, BODY_INVALID);
    assert.deepEqual(await stored(), before);
  });
}

test("answers 400 body is invalid when there is no content at all", async () => {
  for (const [method, path] of endpoints) {
    const connection = await RawConnection.open(conduit.port);
    connection.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${user.token}\r\n\r\n`);
    const answer = await connection.readAnswer();
    connection.close();
    assert.ok(answer !== undefined);
    assertErrors(answer, 400, BODY_INVALID);
  }
});

test("deep nesting inside a field is a wrong type of that field", async () => {
  const deep = "[".repeat(50_000) + "]".repeat(50_000);
  assertRefused(await send("PUT", "/api/user", `{"user":{"bio":${deep}}}`), "bio");
  const objects = '{"a":'.repeat(20_000) + "1" + "}".repeat(20_000);
  assertRefused(await send("PUT", "/api/user", `{"user":{"bio":${objects}}}`), "bio");
});

test("numbers of any size are a wrong type of a text field", async () => {
  for (const number of ["1e400", "-1e400", "9".repeat(5000), "0.1e-400", "-0"]) {
    assertRefused(await send("PUT", "/api/user", `{"user":{"bio":${number}}}`), "bio");
  }
});

test("names that mean something to JavaScript are names like any other", async () => {
  const before = await stored();
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"]) {
    for (const value of ["{}", "null", '{"bio":"polluted"}', '"x"']) {
      const answer = await send("PUT", "/api/user", `{"user":{"${name}":${value}}}`);
      assert.equal(answer.status, 200, answer.text);
      const outer = await send("POST", "/api/users", `{"${name}":${value}}`);
      assert.equal(outer.status, 422, outer.text);
    }
  }
  assert.deepEqual(await stored(), before);
});

test("of a repeated name one value is taken, never a mixture", async () => {
  const answer = await send("PUT", "/api/user", '{"user":{"bio":"first"},"user":{"bio":"second","bio":"third"}}');
  if (answer.status === 200) assert.ok(["first", "second", "third"].includes(answer.json.user.bio));
  else assert.equal(answer.status, 400);
});

test("accepts a byte order mark or refuses it as malformed, nothing else", async () => {
  const answer = await send("PUT", "/api/user", '\ufeff{"user":{"bio":"after a mark"}}');
  assert.ok(answer.status === 200 || answer.status === 400, answer.text);
});

test("accepts white space around the object, and escapes in names and values", async () => {
  const raw = ' \r\n\t{ "\\u0075ser" : { "b\\u0069o" : "caf\\u00e9 \\ud83d\\ude00 \\/ \\"" } } \n';
  assert.equal(only(await send("PUT", "/api/user", raw), 200, "user").bio, 'café 😀 / "');
});

for (const [name, fields] of [
  ["no Content-Type", {}],
  ["application/json", { "content-type": "application/json" }],
  ["application/json with a charset", { "content-type": "application/json; charset=utf-8" }],
  ["application/json in another case", { "content-type": "Application/JSON;charset=UTF-8" }],
] as const) {
  test(`reads content with ${name}`, async () => {
    const connection = await RawConnection.open(conduit.port);
    const content = '{"user":{"bio":"typed"}}';
    const lines = Object.entries(fields).map(([key, value]) => `${key}: ${value}\r\n`);
    connection.write(
      `PUT /api/user HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${user.token}\r\n` +
        `${lines.join("")}Content-Length: ${content.length}\r\n\r\n${content}`,
    );
    const answer = await connection.readAnswer();
    connection.close();
    assert.ok(answer !== undefined);
    assert.equal(answer.status, 200, answer.text);
  });
}

test("content of another media type is read as JSON or refused with 415, in the one shape of errors", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"]) {
    const before = await stored();
    const answer = await conduit.request("PUT", "/api/user", {
      token: user.token,
      raw: '{"user":{}}',
      fields: { "content-type": type },
    });
    assert.ok(answer.status === 200 || answer.status === 415, answer.text);
    assert.deepEqual(await stored(), before);
  }
});

test("refuses content over 1 MiB with 413, in the one shape of errors, and stores nothing", async () => {
  const before = await stored();
  const raw = JSON.stringify({ user: { bio: "x".repeat(1_048_576) } });
  const answer = await conduit.request("PUT", "/api/user", { token: user.token, raw });
  assert.equal(answer.status, 413, answer.text);
  assert.deepEqual(await stored(), before);
});

test("reads content of a little less than 1 MiB", async () => {
  const raw = `{"user":{"bio":"large"}${" ".repeat(1_048_000)}}`;
  assert.equal((await send("PUT", "/api/user", raw)).status, 200);
});

test("content of GET and DELETE is not looked at", async () => {
  for (const raw of ["{", "x".repeat(10_000)]) {
    assert.equal((await conduit.request("GET", "/api/tags", { raw })).status, 200);
    const path = `/api/articles/${article.slug}/favorite`;
    assert.equal((await conduit.request("DELETE", path, { token: user.token, raw })).status, 200);
  }
});
