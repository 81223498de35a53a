/**
 * What broke in the system that this one succeeds, as far as its API showed it: one group for each line of that list,
 * by its number. The runtime's lines are in runtime.test.ts, those about its end and its limits in conduit-process.test.ts.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { conduitForFile, JWT_SECRET, temporaryDirectory, type Answer } from "../../apps/conduit/test/harness.ts";
import { RawConnection } from "../../apps/conduit/test/raw-connection.ts";
import { assertErrors, only } from "../../apps/conduit/test/shapes.ts";

const countFile = join(temporaryDirectory(), "statements");
const conduit = await conduitForFile({
  nodeArguments: ["--import", new URL("count-statements.ts", import.meta.url).href],
  env: { STATEMENT_COUNT_FILE: countFile },
});
const user = await conduit.register({ username: "user00" });
const article = await conduit.publish(user, { title: "Existing", tagList: ["one", "two", "three"] });
const path = `/api/articles/${article.slug}`;

test("original 1: a client that asks, half-closes and resets does not end the server", async () => {
  for (let time = 0; time < 50; time += 1) {
    const connection = await RawConnection.open(conduit.port);
    connection.write("GET /api/articles HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1 + (time % 5)));
    connection.shutdown();
    if (time % 2 === 0) await connection.readAnswer();
    await connection.reset();
  }
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  assert.equal(conduit.process.child.exitCode, null);
});

test("original 2: reads are right while others write", async () => {
  const writes = Promise.all(Array.from({ length: 60 }, () => conduit.publish(user, { tagList: ["x", "y"] })));
  const reads = await repeatDuring(writes, async () => {
    const found = only(await conduit.request("GET", path, { token: user.token }), 200, "article");
    assert.deepEqual(found, article);
    assert.equal((await conduit.request("GET", "/api/user", { token: user.token })).status, 200);
    assert.ok((await conduit.request("GET", "/api/tags")).json.tags.includes("three"));
  });
  assert.ok(reads > 0);
});

test("original 3: of parallel writes none fails and none is half applied", async () => {
  const tagList = ["t1", "t2", "t3", "t4", "t5"];
  const articles = await Promise.all(
    Array.from({ length: 100 }, (_, index) => conduit.publish(user, { title: `Parallel ${index}`, tagList })),
  );
  for (const { slug } of articles) {
    const found = only(await conduit.request("GET", `/api/articles/${slug}`), 200, "article");
    assert.deepEqual(found.tagList, tagList);
  }
  assert.equal((await conduit.request("GET", "/api/articles?tag=t5&limit=0")).json.articlesCount, 100);
});

test("original 4: a locked database is never taken for success or for a wrong password", async () => {
  const other = new DatabaseSync(conduit.databasePath);
  const settled = new Set<Answer>();
  const send = async (method: string, target: string, json: unknown): Promise<Answer> => {
    const answer = await conduit.send(method, target, { token: user.token, json, timeoutMs: 30_000 });
    settled.add(answer);
    return answer;
  };
  const credentials = { email: user.email, password: user.password };
  try {
    other.exec("BEGIN IMMEDIATE");
    const written = send("POST", `${path}/comments`, { comment: { body: "while locked" } });
    const login = await conduit.request("POST", "/api/users/login", { json: { user: credentials } });
    assert.equal(login.status, 200, login.text);
    // Reading goes on, and the program is not stopped by the writer that waits.
    for (let time = 0; time < 20; time += 1) assert.equal((await conduit.request("GET", path)).status, 200);
    for (const answer of settled) assert.ok(answer.status >= 500, `answered ${answer.status} while locked`);
    other.exec("ROLLBACK");

    const answer = await written;
    assert.ok(answer.status === 201 || answer.status >= 500, answer.text);
    const { comments } = (await conduit.request("GET", `${path}/comments`)).json;
    assert.equal(comments.length, answer.status === 201 ? 1 : 0);
  } finally {
    other.close();
  }
});

test("original 5: requests come in any framing that HTTP allows", async () => {
  const connection = await RawConnection.open(conduit.port);
  connection.socket.setNoDelay(true);
  const body = "b".repeat(20_000);
  const content = JSON.stringify({ article: { body } });
  const { slug } = await conduit.publish(user, { title: "Framed" });
  const head = `PUT /api/articles/${slug} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${user.token}\r\n`;
  const length = `Content-Length: ${content.length}\r\n`;
  const answered = async (status: number, method = "GET"): Promise<Answer> => {
    const answer = await connection.readAnswer(method);
    assert.equal(answer?.status, status);
    assert.ok(answer !== undefined);
    return answer;
  };

  // In two segments, cut in the head and in the content, with more than 3.7 KB of it.
  for (const cut of [10, head.length + 5, head.length + length.length + 2, head.length + 5_000]) {
    const request = `${head}${length}\r\n${content}`;
    connection.write(request.slice(0, cut));
    assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
    connection.write(request.slice(cut));
    assert.equal((await answered(200)).json.article.body, body);
  }
  // A long header.
  connection.write(`GET /api/tags HTTP/1.1\r\nHost: x\r\nCookie: ${"c".repeat(12_000)}\r\n\r\n`);
  await answered(200);
  // Chunked content.
  const chunks = (content.match(/.{1,777}/g) ?? []).map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  connection.write(`${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`);
  assert.equal((await answered(200)).json.article.body, body);
  // Expect: 100-continue.
  connection.write(`${head}${length}Expect: 100-continue\r\n\r\n`);
  await answered(100);
  connection.write(content);
  assert.equal((await answered(200)).json.article.body, body);
  // HEAD, and pipelining, all on the one connection.
  connection.write(
    "HEAD /api/tags HTTP/1.1\r\nHost: x\r\n\r\n" +
      "GET /api/articles/absent HTTP/1.1\r\nHost: x\r\n\r\n" +
      "GET /api/tags HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  );
  await answered(200, "HEAD");
  await answered(404);
  assert.equal((await answered(200)).fields.connection?.toLowerCase(), "close");
  assert.equal(await connection.readToEnd(), "");
  connection.close();
});

test("original 6: tokens cannot be forged, end, and are answered however odd they are", async () => {
  const [head = "", payload = ""] = user.token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const sign = (content: unknown, key: string): string => {
    const signed = `${head}.${Buffer.from(JSON.stringify(content)).toString("base64url")}`;
    return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
  };
  const { exp: _exp, ...endless } = claims;
  const connection = await RawConnection.open(conduit.port);
  for (const token of [
    sign(claims, JWT_SECRET.slice(0, 32)),
    sign(claims, `${JWT_SECRET.slice(0, 32)}${"x".repeat(14)}`),
    sign(claims, "secret"),
    sign(endless, JWT_SECRET),
    ...[null, 1, "x", [], {}, { exp: 1e18 }, { sub: {}, exp: 1e10 }, { sub: [1], exp: 1e10 }].map((odd) =>
      sign(odd, JWT_SECRET),
    ),
  ]) {
    connection.write(`GET /api/user HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${token}\r\n\r\n`);
    const answer = await connection.readAnswer();
    assert.ok(answer !== undefined);
    assertErrors(answer, 401, { token: ["is invalid"] });
  }
  connection.write(`GET /api/user HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${sign(claims, JWT_SECRET)}\r\n\r\n`);
  assert.equal((await connection.readAnswer())?.status, 200);
  connection.close();
});

test("original 7: while four clients log in, others are answered as before", async () => {
  const credentials = { user: { email: user.email, password: user.password } };
  const logins = Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let time = 0; time < 8; time += 1) {
        assert.equal((await conduit.request("POST", "/api/users/login", { json: credentials })).status, 200);
      }
    }),
  );
  const times: number[] = [];
  await repeatDuring(logins, async () => {
    const start = performance.now();
    await conduit.request("GET", "/api/tags");
    times.push(performance.now() - start);
  });
  assert.ok(times.length > 8, `only ${times.length} answers`);
  assert.ok(median(times) < 100, `median ${median(times)} ms`);
});

test("original 8: a list costs the same few statements whatever its length, and limit=-1 is refused", async () => {
  const statements = async (target: string, token?: string): Promise<number> => {
    const before = statSync(countFile).size;
    assert.equal((await conduit.request("GET", target, { token })).status, 200);
    return statSync(countFile).size - before;
  };
  const tagList = ["eight"];
  await Promise.all(Array.from({ length: 105 }, () => conduit.publish(user, { tagList })));
  for (const token of [undefined, user.token]) {
    for (const filter of ["", "&author=user00", "&tag=eight", "&favorited=user00", "&author=user00&tag=eight"]) {
      const one = await statements(`/api/articles?limit=1${filter}`, token);
      const hundred = await statements(`/api/articles?limit=100${filter}`, token);
      assert.equal(hundred, one, filter);
      assert.ok(hundred >= 1 && hundred <= 5, `${hundred} statements for ${filter}`);
    }
  }
  const reader = await conduit.register();
  await conduit.request("POST", "/api/profiles/user00/follow", { token: reader.token });
  const feed = await statements("/api/articles/feed?limit=1", reader.token);
  assert.equal(await statements("/api/articles/feed?limit=100", reader.token), feed);
  assert.equal((await conduit.request("GET", "/api/articles?limit=-1")).status, 422);
  assert.equal((await conduit.request("GET", "/api/articles?limit=1000000")).json.articles.length, 100);
});

test("original 9: an article goes with its comments, favourites and tags", async () => {
  const { slug } = await conduit.publish(user, { tagList: ["nine-a", "nine-b"] });
  const target = `/api/articles/${slug}`;
  const comment = { token: user.token, json: { comment: { body: "nine" } } };
  assert.equal((await conduit.request("POST", `${target}/comments`, comment)).status, 201);
  assert.equal((await conduit.request("POST", `${target}/favorite`, { token: user.token })).status, 200);
  const rows = (): unknown[] => {
    const database = new DatabaseSync(conduit.databasePath, { readOnly: true });
    try {
      return [
        "SELECT count(*) AS n FROM comments WHERE body = 'nine'",
        "SELECT count(*) AS n FROM favorites",
        "SELECT count(*) AS n FROM tags WHERE name LIKE 'nine-%'",
        "SELECT count(*) AS n FROM article_tags WHERE article_id NOT IN (SELECT id FROM articles)",
      ].map((sql) => database.prepare(sql).get()?.["n"]);
    } finally {
      database.close();
    }
  };
  assert.deepEqual(rows(), [1, 1, 2, 0]);
  assert.equal((await conduit.request("DELETE", target, { token: user.token })).status, 204);
  assert.deepEqual(rows(), [0, 0, 0, 0]);
});

test("original 10: of eight registrations of one name at once one is 201 and seven are 409", async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      conduit.request("POST", "/api/users", {
        json: { user: { username: "ten", email: `ten${index}@example.com`, password: "long enough" } },
      }),
    ),
  );
  const refused = answers.filter((answer) => answer.status !== 201);
  assert.equal(refused.length, 7);
  for (const answer of refused) assertErrors(answer, 409, { username: ["has already been taken"] });
});

test("original 11: wrong JSON types are refused and not stored, and bio: null clears the field", async () => {
  const put = (fields: unknown): Promise<Answer> =>
    conduit.request("PUT", "/api/user", { token: user.token, json: { user: fields } });
  assert.equal(only(await put({ bio: "something" }), 200, "user").bio, "something");
  for (const value of [{}, [], { a: 1 }, 5, true]) assert.equal((await put({ bio: value })).status, 422);
  assert.equal((await conduit.request("GET", "/api/profiles/user00")).json.profile.bio, "something");
  assert.equal(only(await put({ bio: null }), 200, "user").bio, null);
  assert.equal((await conduit.request("GET", "/api/profiles/user00")).json.profile.bio, null);
});

test("original 13: titles in any script keep their slug, text is Unicode, names are unique without regard to case", async () => {
  assert.equal((await conduit.publish(user, { title: "日本語" })).slug, "日本語");
  assert.equal((await conduit.request("GET", "/api/articles/%E6%97%A5%E6%9C%AC%E8%AA%9E")).status, 200);
  const send = (title: string): Promise<Answer> =>
    conduit.request("POST", "/api/articles", {
      token: user.token,
      raw: `{"article":{"title":"${title}","description":"d","body":"b"}}`,
    });
  assert.equal((await send("a\\u0000b")).status, 422);
  const emoji = only(await send("emoji \\ud83d\\ude00"), 201, "article");
  assert.equal(emoji.title, "emoji 😀");
  const stored = await conduit.request("GET", `/api/articles/${encodeURIComponent(emoji.slug)}`);
  assert.ok(stored.bytes.includes(Buffer.from([0xf0, 0x9f, 0x98, 0x80])));
  const same = { username: "USER00", email: "other@example.com", password: "long enough" };
  assertErrors(await conduit.request("POST", "/api/users", { json: { user: same } }), 409, {
    username: ["has already been taken"],
  });
});

test("original 14: errors name their field and carry CORS, empty lists are lists, an absent image is null", async () => {
  const answer = await conduit.request("POST", "/api/articles", { token: user.token, json: { article: {} } });
  const blank = ["can't be blank"];
  assertErrors(answer, 422, { title: blank, description: blank, body: blank });
  assert.equal(answer.fields["access-control-allow-origin"], "*");
  const empty = await conduit.publish(user, { tagList: [] });
  assert.deepEqual(empty.tagList, []);
  assert.equal(empty.author.image, null);
  const none = await conduit.request("GET", "/api/articles?tag=absent");
  assert.equal(none.text, '{"articles":[],"articlesCount":0}');
});

for (const [name, request, statuses] of [
  ["HTTP/9.9", "GET /api/tags HTTP/9.9\r\nHost: x\r\n\r\n", [505]],
  ["a method in lower case", "get /api/tags HTTP/1.1\r\nHost: x\r\n\r\n", [400, 405, 501]],
  ["no Host", "GET /api/tags HTTP/1.1\r\n\r\n", [400]],
  ["Content-Length: 0x45", "POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 0x45\r\n\r\n", [400]],
] as const) {
  test(`original 15: ${name} is refused`, async () => {
    const connection = await RawConnection.open(conduit.port);
    connection.write(request);
    const answer = await connection.readAnswer();
    connection.close();
    assert.ok(
      statuses.some((status) => status === answer?.status),
      `found ${answer?.status}`,
    );
  });
}

test("original 18: a field is null in one row of a list and text in the next, whichever is first", async () => {
  const withBio = await conduit.register({ username: "with-bio" });
  const without = await conduit.register({ username: "without-bio" });
  await conduit.request("PUT", "/api/user", { token: withBio.token, json: { user: { bio: "007", image: "1e3" } } });
  for (const author of [withBio, without, withBio, without]) await conduit.publish(author, { tagList: ["eighteen"] });
  const { articles } = (await conduit.request("GET", "/api/articles?tag=eighteen")).json;
  const bios = articles.map((each: any) => [each.author.bio, each.author.image]);
  assert.deepEqual(bios, [
    [null, null],
    ["007", "1e3"],
    [null, null],
    ["007", "1e3"],
  ]);
});

/** Repeats `step` until `work` has ended, and gives how many times. */
async function repeatDuring(work: Promise<unknown>, step: () => Promise<void>): Promise<number> {
  const state = { ended: false };
  let times = 0;
  const loop = async (): Promise<void> => {
    for (; !state.ended; times += 1) await step();
  };
  const end = work.finally(() => {
    state.ended = true;
  });
  await Promise.all([end, loop()]);
  return times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
