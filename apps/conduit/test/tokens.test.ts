/** Authentication: which tokens are good, for endpoints that demand one and for those that may have one. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { conduitForFile, JWT_SECRET, type Answer } from "./harness.ts";
import { RawConnection } from "./raw-connection.ts";
import { assertErrors } from "./shapes.ts";

const conduit = await conduitForFile();
const user = await conduit.register();
const MISSING = { token: ["is missing"] };
const INVALID = { token: ["is invalid"] };
/** An odd token must be answered, and soon: the original hung. */
const ODD_LIMIT_MS = 2_000;

const [header = "", payload = "", signature = ""] = user.token.split(".");
const claims: Record<string, unknown> = JSON.parse(decode(payload));

function decode(part: string): string {
  return Buffer.from(part, "base64url").toString("utf8");
}

function sign(head: unknown, content: unknown, secret = JWT_SECRET, hash = "sha256"): string {
  return signText(JSON.stringify(head), typeof content === "string" ? content : JSON.stringify(content), secret, hash);
}

function signText(head: string, content: string | Uint8Array, secret = JWT_SECRET, hash = "sha256"): string {
  const signed = `${Buffer.from(head).toString("base64url")}.${Buffer.from(content).toString("base64url")}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

function authorize(value: string | string[]): Promise<Answer> {
  return conduit.request("GET", "/api/user", { fields: { authorization: value }, timeoutMs: ODD_LIMIT_MS });
}

const HS256 = { alg: "HS256", typ: "JWT" };

test("a token lasts seven days and is signed with HS256 and the whole configured key", async () => {
  assert.equal(JSON.parse(decode(header)).alg, "HS256");
  const seconds = Number(claims["exp"]) - Date.now() / 1000;
  assert.ok(Math.abs(seconds - 7 * 24 * 3600) < 60, `lasts ${seconds} s`);
  const signed = createHmac("sha256", JWT_SECRET).update(`${header}.${payload}`).digest("base64url");
  assert.equal(signature, signed);
});

test("a token with the same claims and the same key is good: what follows is refused for its difference", async () => {
  assert.equal((await authorize(`Token ${sign(HS256, claims)}`)).status, 200);
});

for (const scheme of ["Token", "Bearer", "token", "TOKEN", "bearer", "BEARER"]) {
  test(`accepts the scheme ${scheme}`, async () => {
    assert.equal((await authorize(`${scheme} ${user.token}`)).status, 200);
  });
}

test("answers 401 token is missing when there is no Authorization field", async () => {
  assertErrors(await conduit.request("GET", "/api/user"), 401, MISSING);
});

for (const value of ["", "Token", "Token ", "Bearer", user.token, "Basic dXNlcjpwYXNz", `Digest ${user.token}`]) {
  test(`answers 401 for the Authorization field ${JSON.stringify(value.slice(0, 20))}`, async () => {
    const answer = await authorize(value);
    assert.equal(answer.status, 401);
    assert.deepEqual(Object.keys(answer.json.errors), ["token"]);
  });
}

const now = Math.floor(Date.now() / 1000);
const { exp: _exp, ...endless } = claims;
const refused: ReadonlyArray<readonly [name: string, token: string]> = [
  ["the word that browsers store for nothing", "null"],
  ["undefined", "undefined"],
  ["no dots", "abc"],
  ["empty parts", ".."],
  ["one part too many", `${user.token}.x`],
  ["a dot at the end", `${user.token}.`],
  ["two parts", `${header}.${payload}`],
  ["no signature", `${header}.${payload}.`],
  ["a cut signature", user.token.slice(0, -1)],
  ["a longer signature", `${user.token}A`],
  ["padding", `${user.token}=`],
  [
    "a changed claim",
    `${header}.${Buffer.from(JSON.stringify({ ...claims, x: 1 })).toString("base64url")}.${signature}`,
  ],
  ["another key", sign(HS256, claims, "another key of enough bytes, but another")],
  ["the key's first 32 bytes", sign(HS256, claims, JWT_SECRET.slice(0, 32))],
  ["the empty key", sign(HS256, claims, "")],
  ["alg none without signature", `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${payload}.`],
  ["alg none with a signature", sign({ alg: "none", typ: "JWT" }, claims)],
  ["alg NONE", sign({ alg: "NONE" }, claims)],
  ["alg HS512 and its signature", sign({ alg: "HS512", typ: "JWT" }, claims, JWT_SECRET, "sha512")],
  ["alg HS384 and its signature", sign({ alg: "HS384", typ: "JWT" }, claims, JWT_SECRET, "sha384")],
  ["alg HS512 and the signature of HS256", sign({ alg: "HS512", typ: "JWT" }, claims)],
  ["alg RS256", sign({ alg: "RS256", typ: "JWT" }, claims)],
  ["alg in lower case", sign({ alg: "hs256", typ: "JWT" }, claims)],
  ["no alg", sign({ typ: "JWT" }, claims)],
  ["alg as an array", sign({ alg: ["HS256"], typ: "JWT" }, claims)],
  ["a header that is null", sign(null, claims)],
  ["a header that is no JSON", signText("HS256", JSON.stringify(claims))],
  ["a critical extension", sign({ ...HS256, crit: ["x"], x: 1 }, claims)],
  ["no exp", sign(HS256, endless)],
  ["exp in the past", sign(HS256, { ...claims, exp: now - 1 })],
  ["exp 0", sign(HS256, { ...claims, exp: 0 })],
  ["negative exp", sign(HS256, { ...claims, exp: -1 })],
  ["exp as text", sign(HS256, { ...claims, exp: String(now + 1000) })],
  ["exp null", sign(HS256, { ...claims, exp: null })],
  ["exp true", sign(HS256, { ...claims, exp: true })],
  ["exp as an array", sign(HS256, { ...claims, exp: [now + 1000] })],
  [
    "exp beyond any number",
    signText(JSON.stringify(HS256), JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999')),
  ],
  ["not before tomorrow", sign(HS256, { ...claims, nbf: now + 86_400 })],
  ["claims null", sign(HS256, "null")],
  ["claims that are a number", sign(HS256, "5")],
  ["claims that are text", sign(HS256, '"text"')],
  ["claims that are an array", sign(HS256, "[]")],
  ["no claims", sign(HS256, "{}")],
  ["empty claims", sign(HS256, "")],
  ["claims that are no JSON", sign(HS256, "{")],
  ["claims that are no UTF-8", signText(JSON.stringify(HS256), Buffer.from([0x7b, 0xff, 0x7d]))],
  ["deep claims", sign(HS256, `${"[".repeat(2000)}${"]".repeat(2000)}`)],
  ["the sub of nobody", sign(HS256, { ...claims, sub: typeof claims["sub"] === "number" ? 999_999 : "999999" })],
  ...[
    null,
    "",
    "x",
    "1 or 1=1",
    " 1",
    "1.5",
    "-1",
    -1,
    0,
    1.5,
    1e300,
    true,
    [],
    [1],
    ["1"],
    {},
    { id: 1 },
    "\u0000",
  ].map((sub) => [`sub ${JSON.stringify(sub)}`, sign(HS256, { exp: now + 1000, iat: now, sub })] as const),
  ["characters outside base64url", `${header}.${payload}.${signature.slice(0, -1)}+`],
  ["an end that is not canonical", `${header}.${payload}.${signature.slice(0, -1)}${nextCharacter(signature)}`],
  ["8,000 characters", "x".repeat(8000)],
];

/** The character whose bits differ from the last one's only where base64url has no data. */
function nextCharacter(encoded: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[alphabet.indexOf(encoded.at(-1) ?? "A") ^ 1] ?? "A";
}

for (const [name, token] of refused) {
  test(`refuses a token with ${name}`, async () => {
    // A signed sub that happens to name the user would be no forgery.
    assertErrors(await authorize(`Token ${token}`), 401, INVALID);
  });
}

test("refuses two tokens in one field", async () => {
  for (const value of [`Token ${user.token} ${user.token}`, `Token ${user.token}, Token ${user.token}`]) {
    assertErrors(await authorize(value), 401, INVALID);
  }
});

test("refuses two Authorization fields", async () => {
  const connection = await RawConnection.open(conduit.port);
  const field = `Authorization: Token ${user.token}\r\n`;
  connection.write(`GET /api/user HTTP/1.1\r\nHost: x\r\n${field}${field}\r\n`);
  const answer = await connection.readAnswer();
  connection.close();
  assert.ok(answer?.status === 401 || answer?.status === 400, `found ${answer?.status}`);
});

const optional = [
  `/api/profiles/${user.username}`,
  "/api/articles",
  "/api/articles/some-slug",
  "/api/articles/some-slug/comments",
];
for (const path of optional) {
  test(`GET ${path}, where a token is optional, answers 401 to a bad one and to an anonymous visitor as usual`, async () => {
    assertErrors(await conduit.request("GET", path, { token: "bad" }), 401, INVALID);
    assertErrors(await conduit.request("GET", path, { token: sign(HS256, { ...claims, exp: now - 1 }) }), 401, INVALID);
    assert.notEqual((await conduit.request("GET", path)).status, 401);
    assert.notEqual((await conduit.request("GET", path, { token: user.token })).status, 401);
  });
}

for (const [method, path] of [
  ["GET", "/api/user"],
  ["PUT", "/api/user"],
  ["POST", `/api/profiles/${user.username}/follow`],
  ["DELETE", `/api/profiles/${user.username}/follow`],
  ["GET", "/api/articles/feed"],
  ["POST", "/api/articles"],
  ["PUT", "/api/articles/some-slug"],
  ["DELETE", "/api/articles/some-slug"],
  ["POST", "/api/articles/some-slug/favorite"],
  ["DELETE", "/api/articles/some-slug/favorite"],
  ["POST", "/api/articles/some-slug/comments"],
  ["DELETE", "/api/articles/some-slug/comments/1"],
] as const) {
  test(`${method} ${path.replace(user.username, ":username")} demands a token before anything else`, async () => {
    for (const raw of method === "GET" || method === "DELETE" ? [""] : ["", "{", "{}"]) {
      assertErrors(await conduit.request(method, path, { raw }), 401, MISSING);
      assertErrors(await conduit.request(method, path, { raw, token: "bad" }), 401, INVALID);
    }
  });
}

test("a token of another server is refused", async () => {
  const token = sign(HS256, claims, "the key of the original's configuration file");
  assertErrors(await authorize(`Token ${token}`), 401, INVALID);
});
