/** What holds for all routes: CORS, methods, unknown routes, paths, HEAD, and errors of the message layer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAnswer, conduitForFile, type Answer } from "./harness.ts";
import { RawConnection } from "./raw-connection.ts";
import { only } from "./shapes.ts";

const conduit = await conduitForFile();
const user = await conduit.register();
const article = await conduit.publish(user, { tagList: ["tag"] });

/** Every route, and the methods it has beside HEAD and OPTIONS. */
const routes: ReadonlyArray<readonly [path: string, methods: readonly string[]]> = [
  ["/api/users", ["POST"]],
  ["/api/users/login", ["POST"]],
  ["/api/user", ["GET", "PUT"]],
  [`/api/profiles/${user.username}`, ["GET"]],
  [`/api/profiles/${user.username}/follow`, ["POST", "DELETE"]],
  ["/api/articles", ["GET", "POST"]],
  ["/api/articles/feed", ["GET"]],
  [`/api/articles/${article.slug}`, ["GET", "PUT", "DELETE"]],
  [`/api/articles/${article.slug}/favorite`, ["POST", "DELETE"]],
  [`/api/articles/${article.slug}/comments`, ["GET", "POST"]],
  [`/api/articles/${article.slug}/comments/1`, ["DELETE"]],
  ["/api/tags", ["GET"]],
];

function words(field: string | string[] | undefined): string[] {
  return String(field ?? "")
    .split(",")
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== "");
}

for (const [path, methods] of routes) {
  test(`OPTIONS ${path} answers 204 with allowed methods and fields, to a browser and to anybody else`, async () => {
    for (const fields of [
      {},
      {
        origin: "https://example.com",
        "access-control-request-method": methods[0] ?? "GET",
        "access-control-request-headers": "authorization,content-type",
      },
    ]) {
      const answer = await conduit.request("OPTIONS", path, { fields });
      assert.equal(answer.status, 204);
      const allowed = words(answer.fields["access-control-allow-methods"]);
      for (const method of methods) assert.ok(allowed.includes(method.toLowerCase()), `${method} in ${allowed.join()}`);
      const names = words(answer.fields["access-control-allow-headers"]);
      for (const name of ["authorization", "content-type"]) assert.ok(names.includes(name), names.join());
    }
  });

  test(`${path} answers 405 with Allow to a method that it does not have`, async () => {
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "REPORT"]) {
      if (methods.includes(method)) continue;
      const answer = await conduit.request(method, path, { token: user.token });
      assert.equal(answer.status, 405, `${method}: ${answer.text}`);
      const allowed = words(answer.fields.allow);
      for (const each of methods) assert.ok(allowed.includes(each.toLowerCase()), `${each} in ${allowed.join()}`);
      assert.ok(!allowed.includes(method.toLowerCase()), allowed.join());
    }
  });
}

test("every answer carries Access-Control-Allow-Origin, whatever the Origin", async () => {
  for (const origin of ["https://example.com", "null", "http://localhost:4100"]) {
    for (const path of ["/api/tags", "/api/user", "/api/articles/absent", "/api/nothing", "/api/articles?limit=-1"]) {
      const answer = await conduit.request("GET", path, { fields: { origin } });
      const allowed = answer.fields["access-control-allow-origin"];
      assert.ok(allowed === "*" || allowed === origin, `${path}: ${allowed}`);
    }
  }
});

test("an unknown route answers 404 in the one shape of errors", async () => {
  for (const path of [
    "/api",
    "/api/",
    "/api/nothing",
    "/api/users/login/more",
    "/api/users/1",
    "/api/profiles",
    "/api/articles/a/b",
    "/api/articles/a/comments/1/2",
    "/api//tags",
    "/api/tags%2F",
    "/API/tags",
    "/api/Tags",
  ]) {
    for (const method of ["GET", "POST", "DELETE"]) {
      const answer = await conduit.request(method, path, { token: user.token });
      assert.equal(answer.status, 404, `${method} ${path}: ${answer.status}`);
    }
  }
});

test("a path outside /api that leads nowhere answers 404", async () => {
  for (const path of ["/nothing.txt", "/..%2f..%2fetc/passwd", "/../../etc/passwd", "/.git/config", "/conduit.db"]) {
    assert.equal((await conduit.request("GET", path)).status, 404, path);
  }
});

test("malformed percent-encoding and U+0000 in a path answer 400 or 404, in the one shape of errors", async () => {
  for (const path of [
    "/api/%",
    "/api/articles/%zz",
    "/api/articles/%e4%b8",
    "/api/profiles/%ff",
    "/%00",
    "/api/profiles/%00",
    "/api/articles/a%00b",
    "/api/%2e%2e",
  ]) {
    const answer = await conduit.request("GET", path);
    assert.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status}`);
  }
});

test("HEAD answers what GET would, without content", async () => {
  for (const path of ["/api/tags", "/api/articles", `/api/articles/${article.slug}`, "/api/articles/absent"]) {
    const get = await conduit.request("GET", path);
    const head = await conduit.request("HEAD", path);
    assert.equal(head.status, get.status);
    assert.equal(head.fields["content-type"], get.fields["content-type"]);
    assert.equal(head.fields["content-length"], get.fields["content-length"]);
  }
});

test("204 has neither content nor a length of one", async () => {
  const { slug } = await conduit.publish(user);
  const answer = await conduit.request("DELETE", `/api/articles/${slug}`, { token: user.token });
  assert.equal(answer.status, 204);
  assert.equal(answer.fields["content-length"], undefined);
  assert.equal(answer.fields["transfer-encoding"], undefined);
});

test("every answer has Date and a length that is right", async () => {
  const answer = await conduit.request("GET", "/api/articles");
  assert.match(String(answer.fields.date), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.equal(Number(answer.fields["content-length"]), answer.bytes.length);
});

async function raw(bytes: string): Promise<Answer> {
  const connection = await RawConnection.open(conduit.port);
  connection.write(bytes);
  const answer = await connection.readAnswer();
  connection.close();
  assert.ok(answer !== undefined, `found no answer to ${JSON.stringify(bytes.slice(0, 100))}`);
  checkAnswer("GET", "/api", { ...answer, status: answer.status >= 500 ? 400 : answer.status, json: answer.json });
  return answer;
}

for (const [name, bytes, status] of [
  ["a request without Host", "GET /api/tags HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", "GET /api/tags HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
  ["an unknown version", "GET /api/tags HTTP/9.9\r\nHost: a\r\n\r\n", 505],
  [
    "both framing fields",
    "POST /api/users HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    400,
  ],
  ["a bad length", "POST /api/users HTTP/1.1\r\nHost: a\r\nContent-Length: 0x45\r\n\r\n", 400],
  ["a bare LF", "GET /api/tags HTTP/1.1\nHost: a\n\n", 400],
  ["an unknown transfer coding", "POST /api/users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br, chunked\r\n\r\n", 501],
  ["a header section over 16 KiB", `GET /api/tags HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17_000)}\r\n\r\n`, 431],
  ["a target that is too long", `GET /api/tags?${"x".repeat(10_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  [
    "content that is announced too long",
    "POST /api/users HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
    413,
  ],
] as const) {
  test(`answers ${status} to ${name}, in the one shape of errors and with CORS`, async () => {
    assert.equal((await raw(bytes)).status, status);
  });
}

test("reads a request in any pieces, chunked content, and pipelined requests in order", async () => {
  const content = '{"user":{"bio":"in pieces"}}';
  const head = `PUT /api/user HTTP/1.1\r\nHost: a\r\nAuthorization: Token ${user.token}\r\n`;
  const chunked = [...content].map((character) => `1\r\n${character}\r\n`).join("");
  const connection = await RawConnection.open(conduit.port);
  connection.socket.setNoDelay(true);
  for (const byte of `${head}Content-Length: ${content.length}\r\n\r\n${content}`) connection.write(byte);
  assert.equal((await connection.readAnswer())?.json.user.bio, "in pieces");
  connection.write(
    `${head}Transfer-Encoding: chunked\r\n\r\n${chunked}0\r\n\r\n` +
      "GET /api/tags HTTP/1.1\r\nHost: a\r\n\r\n" +
      "HEAD /api/tags HTTP/1.1\r\nHost: a\r\n\r\n" +
      "GET /api/articles/absent HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  assert.equal((await connection.readAnswer())?.json.user.bio, "in pieces");
  assert.deepEqual((await connection.readAnswer())?.json, { tags: ["tag"] });
  assert.equal((await connection.readAnswer("HEAD"))?.status, 200);
  assert.equal((await connection.readAnswer())?.status, 404);
  connection.close();
});

test("asks for the content when the client waits to be asked", async () => {
  const connection = await RawConnection.open(conduit.port);
  const content = '{"user":{"bio":"asked"}}';
  connection.write(
    `PUT /api/user HTTP/1.1\r\nHost: a\r\nAuthorization: Token ${user.token}\r\n` +
      `Expect: 100-continue\r\nContent-Length: ${content.length}\r\n\r\n`,
  );
  assert.equal((await connection.readAnswer())?.status, 100);
  connection.write(content);
  assert.equal((await connection.readAnswer())?.json.user.bio, "asked");
  connection.close();
});

test("a client that speaks HTTP/1.0 is answered, and its connection closed", async () => {
  const connection = await RawConnection.open(conduit.port);
  connection.write("GET /api/tags HTTP/1.0\r\n\r\n");
  const answer = await connection.readAnswer();
  assert.deepEqual(answer?.json, { tags: ["tag"] });
  assert.equal(answer?.fields["transfer-encoding"], undefined);
  assert.equal(await connection.readToEnd(), "");
  connection.close();
});

test("HEAD of what cannot be read answers 405, without content", async () => {
  const answer = await conduit.request("HEAD", "/api/users");
  assert.equal(answer.status, 405);
  assert.ok(words(answer.fields.allow).includes("post"));
});

test("an absolute target is understood", async () => {
  const absolute = await raw("GET http://example.com/api/tags?x=1 HTTP/1.1\r\nHost: example.com\r\n\r\n");
  assert.deepEqual(only(absolute, 200, "tags"), ["tag"]);
});

test("healthz and readyz answer 200, the OpenAPI document names every route", async () => {
  assert.equal((await conduit.request("GET", "/healthz")).status, 200);
  assert.equal((await conduit.request("GET", "/readyz")).status, 200);
  const { openapi, paths } = (await conduit.request("GET", "/openapi.json")).json;
  assert.match(openapi, /^3\.1/);
  const documented = Object.entries<object>(paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path.replace(/^\/api/, "")}`))
    .map((operation) => operation.replace(/\{\w+\}/g, "{}"));
  for (const operation of [
    "post /users",
    "post /users/login",
    "get /user",
    "put /user",
    "get /profiles/{}",
    "post /profiles/{}/follow",
    "delete /profiles/{}/follow",
    "get /articles",
    "get /articles/feed",
    "get /articles/{}",
    "post /articles",
    "put /articles/{}",
    "delete /articles/{}",
    "post /articles/{}/favorite",
    "delete /articles/{}/favorite",
    "get /articles/{}/comments",
    "post /articles/{}/comments",
    "delete /articles/{}/comments/{}",
    "get /tags",
  ]) {
    assert.ok(documented.includes(operation), `${operation} in ${documented.join()}`);
  }
  const page = await conduit.request("GET", "/docs");
  assert.equal(page.status, 200);
  assert.match(String(page.fields["content-type"]), /^text\/html/);
  assert.doesNotMatch(page.text, /(src|href)="(https?:)?\/\//);
});
