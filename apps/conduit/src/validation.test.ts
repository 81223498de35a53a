import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { NewArticle, ArticleUpdate } from "./articles.ts";
import { ApiError, type FieldErrors } from "./errors.ts";
import { Login, NewUser, UserUpdate } from "./users.ts";
import { checkContent, lookupText, uniqueKey } from "./validation.ts";

function errorsOf(schema: Parameters<typeof checkContent>[0], content: unknown): [number, FieldErrors] | undefined {
  try {
    checkContent(schema, content);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return [error.status, error.errors];
  }
}

const BLANK = ["can't be blank"];
const INVALID = ["is invalid"];
const user = { username: "name", email: "a@b.example", password: "12345678" };
const article = { title: "t", description: "d", body: "b" };

function fieldError(field: string, value: unknown): readonly string[] | undefined {
  if (field in article || field === "tagList") {
    return errorsOf(NewArticle, { article: { ...article, [field]: value } })?.[1][field];
  }
  if (field in user) return errorsOf(NewUser, { user: { ...user, [field]: value } })?.[1][field];
  return errorsOf(UserUpdate, { user: { [field]: value } })?.[1][field];
}

test("content is given back as it is", () => {
  const content = { user: { ...user, more: 1 }, besides: true };
  assert.equal(checkContent(NewUser, content), content);
});

test("what is no object is 400", () => {
  for (const content of [null, [], "x", 5, true, undefined]) {
    assert.deepEqual(errorsOf(NewUser, content), [400, { body: INVALID }]);
  }
});

test("without its wrapper every required field is blank", () => {
  const all = { username: BLANK, email: BLANK, password: BLANK };
  for (const content of [{}, { user: null }, { user: {} }, { User: user }]) {
    assert.deepEqual(errorsOf(NewUser, content), [422, all]);
  }
});

test("without its wrapper an update is 422 too, and with an empty one it is good", () => {
  assert.deepEqual(errorsOf(UserUpdate, {}), [422, { user: BLANK }]);
  assert.deepEqual(errorsOf(UserUpdate, { user: null }), [422, { user: BLANK }]);
  assert.equal(errorsOf(UserUpdate, { user: {} }), undefined);
});

test("a wrapper of another type is invalid", () => {
  for (const value of ["x", 5, true, [], [user]]) {
    assert.deepEqual(errorsOf(NewUser, { user: value }), [422, { user: INVALID }]);
  }
});

test("all problems are told together", () => {
  const content = { user: { username: "", email: "none", password: 5 } };
  assert.deepEqual(errorsOf(NewUser, content), [422, { username: BLANK, email: INVALID, password: INVALID }]);
});

test("what is inherited is not given", () => {
  assert.deepEqual(errorsOf(Type.Object({ user: Type.Object({ toString: Type.String() }) }), { user: {} }), [
    422,
    { toString: BLANK },
  ]);
});

test("text is blank when nothing in it shows, a password only when it is empty", () => {
  for (const value of ["", " ", "\t\r\n", "\u00a0\u3000", "\u200b\u2060\ufeff"]) {
    assert.deepEqual(fieldError("title", value), BLANK, JSON.stringify(value));
    assert.deepEqual(fieldError("username", value), BLANK);
  }
  assert.deepEqual(fieldError("password", ""), BLANK);
  assert.equal(fieldError("password", "        "), undefined);
});

test("null is blank, but for bio and image, which it clears", () => {
  for (const field of ["username", "email", "password", "title", "tagList"]) {
    assert.deepEqual(fieldError(field, null), BLANK, field);
  }
  for (const value of [null, "", "text"]) {
    assert.equal(fieldError("bio", value), undefined);
    assert.equal(fieldError("image", value), undefined);
  }
  assert.deepEqual(fieldError("bio", 5), INVALID);
});

test("U+0000 and lone surrogates are invalid everywhere", () => {
  for (const value of ["a\0b", "\ud800", "a\udc00"]) {
    for (const field of ["username", "email", "password", "bio", "image", "title", "body"]) {
      assert.deepEqual(fieldError(field, value), INVALID, field);
    }
    assert.deepEqual(fieldError("tagList", [value]), INVALID);
  }
});

test("lengths are limited in code points, just at the limit and not below", () => {
  const limits = { username: 64, bio: 2_000, image: 2_048, title: 255, description: 1_000, body: 250_000 };
  for (const [field, limit] of Object.entries(limits)) {
    const message = [`is too long (maximum is ${limit} characters)`];
    assert.equal(fieldError(field, "x".repeat(limit)), undefined, field);
    assert.deepEqual(fieldError(field, "x".repeat(limit + 1)), message);
    assert.equal(fieldError(field, "😀".repeat(limit)), undefined, field);
    assert.deepEqual(fieldError(field, "😀".repeat(limit + 1)), message);
  }
  assert.equal(fieldError("email", `${"x".repeat(242)}@example.com`), undefined);
  assert.deepEqual(fieldError("email", `${"x".repeat(243)}@example.com`), ["is too long (maximum is 254 characters)"]);
});

test("a password has 8 characters or more and 1,024 bytes or less", () => {
  const short = ["is too short (minimum is 8 characters)"];
  const long = ["is too long (maximum is 1024 bytes)"];
  assert.deepEqual(fieldError("password", "1234567"), short);
  assert.deepEqual(fieldError("password", "😀".repeat(7)), short);
  assert.equal(fieldError("password", "😀".repeat(8)), undefined);
  assert.equal(fieldError("password", "ж".repeat(512)), undefined);
  assert.deepEqual(fieldError("password", "ж".repeat(513)), long);
  assert.equal(errorsOf(Login, { user: { email: "x", password: "1" } }), undefined);
});

test("an e-mail address has something on both sides of one @", () => {
  for (const value of ["a@b", "a+tag@example.com", "o'brien@example.co.uk", "用户@例え.jp", '"odd"@x.example']) {
    assert.equal(fieldError("email", value), undefined, value);
  }
  for (const value of ["a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a@b..c", "a@.b", "a@b.", "a@b\n"]) {
    assert.deepEqual(fieldError("email", value), INVALID, value);
  }
});

test("a username shows as it is and survives a path", () => {
  for (const value of ["a", "a b", "a/b", "...", "O'Neil", "日本", "👨‍👩‍👧"]) {
    assert.equal(fieldError("username", value), undefined, value);
  }
  for (const value of [" a", "a ", "a\nb", "a\tb", "a\u0007", "a\u2028b", ".", ".."]) {
    assert.deepEqual(fieldError("username", value), INVALID, JSON.stringify(value));
  }
});

test("tags are texts that show, not too long and not too many", () => {
  assert.equal(fieldError("tagList", []), undefined);
  assert.equal(fieldError("tagList", Array(50).fill("x".repeat(64))), undefined);
  assert.deepEqual(fieldError("tagList", Array(51).fill("x")), ["is too long (maximum is 50 items)"]);
  assert.deepEqual(fieldError("tagList", ["x".repeat(65)]), ["is too long (maximum is 64 characters)"]);
  assert.deepEqual(fieldError("tagList", ["good", " "]), BLANK);
  for (const value of ["x", 5, {}, [5], [null], [["x"]]]) assert.deepEqual(fieldError("tagList", value), INVALID);
  assert.deepEqual(errorsOf(ArticleUpdate, { article: { tagList: null } }), [422, { tagList: BLANK }]);
});

test("names are one name whatever their case, width or composition", () => {
  for (const [one, two] of [
    ["User", "uSER"],
    ["ÄRGER", "ärger"],
    ["Zo\u00eb", "Zoe\u0308"],
    ["ＷＩＤＥ", "wide"],
    ["ΣΊΣΥΦΟΣ", "σίσυφος"],
    ["STRASSE", "straße"],
    ["ﬁne", "FINE"],
  ] as const) {
    assert.equal(uniqueKey(one), uniqueKey(two), `${one} ${two}`);
  }
  assert.notEqual(uniqueKey("user"), uniqueKey("user1"));
});

test("a name is too long when its key is: one character can be 33 bytes there", () => {
  const long = ["is too long (maximum is 1024 bytes without compatibility characters)"];
  assert.equal(fieldError("username", "\ufdfa".repeat(31)), undefined);
  assert.deepEqual(fieldError("username", "\ufdfa".repeat(32)), long);
  assert.deepEqual(fieldError("email", `${"\ufdfa".repeat(31)}@example.com`), long);
  assert.equal(fieldError("email", `${"😀".repeat(250)}@b.c`), undefined);
});

test("text with U+0000 is looked for as the empty text, which nothing is called", () => {
  assert.equal(lookupText("a\0b"), "");
  assert.equal(lookupText("a b "), "a b ");
});
