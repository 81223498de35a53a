/**
 * The limits of every field, as the OpenAPI document states them: just inside is accepted and stored whole, just outside
 * is 422 on that field alone. Lengths are counted in characters, so each is tried with letters and with emoji.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer } from "./harness.ts";
import { assertErrors, assertRefused, only } from "./shapes.ts";

const conduit = await conduitForFile();
const user = await conduit.register();
const article = await conduit.publish(user);
const { paths } = (await conduit.request("GET", "/openapi.json")).json;

interface Endpoint {
  readonly method: "POST" | "PUT";
  /** As the document has it. */
  readonly template: string;
  readonly path: string;
  readonly wrapper: string;
  /** Status of success. */
  readonly status: number;
}

const endpoints: readonly Endpoint[] = [
  { method: "POST", template: "/api/users", path: "/api/users", wrapper: "user", status: 201 },
  { method: "PUT", template: "/api/user", path: "/api/user", wrapper: "user", status: 200 },
  { method: "POST", template: "/api/articles", path: "/api/articles", wrapper: "article", status: 201 },
  {
    method: "PUT",
    template: "/api/articles/{slug}",
    path: `/api/articles/${article.slug}`,
    wrapper: "article",
    status: 200,
  },
  {
    method: "POST",
    template: "/api/articles/{slug}/comments",
    path: `/api/articles/${article.slug}/comments`,
    wrapper: "comment",
    status: 201,
  },
];

/** The fields of an endpoint with the longest text that the document allows for each. */
function limitsOf({ method, template, wrapper }: Endpoint): ReadonlyArray<readonly [field: string, max: number]> {
  const { schema } = paths[template][method.toLowerCase()].requestBody.content["application/json"];
  return Object.entries<any>(schema.properties[wrapper].properties)
    .filter(([field]) => field !== "password" && field !== "tagList")
    .map(([field, found]) => [field, (found.anyOf?.[0] ?? found).maxLength]);
}

/** A request that is right, with one field replaced. */
function send(endpoint: Endpoint, field: string, value: unknown): Promise<Answer> {
  const name = conduit.uniqueName();
  const whole: Record<string, unknown> = {
    "/api/users": { username: name, email: `${name}@example.com`, password: "long enough" },
    "/api/articles": { title: name, description: "d", body: "b" },
    "/api/articles/{slug}/comments": { body: "b" },
  };
  const base = endpoint.method === "POST" ? whole[endpoint.template] : {};
  return conduit.request(endpoint.method, endpoint.path, {
    token: endpoint.template === "/api/users" ? undefined : user.token,
    json: { [endpoint.wrapper]: { ...(base as object), [field]: value } },
  });
}

/** A text of so many characters that no earlier call gave. */
function textOf(field: string, characters: number, letter: string): string {
  const unique = conduit.uniqueName();
  const end = field === "email" ? `${unique}@example.com` : unique;
  return letter.repeat(characters - [...end].length) + end;
}

for (const endpoint of endpoints) {
  for (const [field, max] of limitsOf(endpoint)) {
    for (const letter of field === "email" ? ["a"] : ["a", "😀"]) {
      // The path of the article must stay: its title is tried on creation.
      if (endpoint.template === "/api/articles/{slug}" && field === "title") continue;
      test(`${endpoint.method} ${endpoint.template}: ${field} may have ${max} characters such as ${letter}, and not one more`, async () => {
        const longest = textOf(field, max, letter);
        const accepted = only(await send(endpoint, field, longest), endpoint.status, endpoint.wrapper);
        assert.equal(accepted[field], longest);
        const message = `is too long (maximum is ${max} characters)`;
        assertErrors(await send(endpoint, field, textOf(field, max + 1, letter)), 422, { [field]: [message] });
      });
    }
  }
}

test("a username may have 1024 bytes without compatibility characters, and not one character more", async () => {
  const endpoint = endpoints[0] as Endpoint;
  const longest = "\ufdfa".repeat(31);
  assert.equal(only(await send(endpoint, "username", longest), endpoint.status, "user").username, longest);
  const message = "is too long (maximum is 1024 bytes without compatibility characters)";
  assertErrors(await send(endpoint, "username", "\ufdfa".repeat(32)), 422, { username: [message] });
});

test("tagList may have as many tags, and each as many characters, as documented, and not one more", async () => {
  const endpoint = endpoints[2] as Endpoint;
  const { schema } = paths["/api/articles"].post.requestBody.content["application/json"];
  const { maxItems, items } = schema.properties.article.properties.tagList;
  const tags = (count: number): string[] => Array.from({ length: count }, (_, index) => `tag ${index}`);
  const all = only(await send(endpoint, "tagList", tags(maxItems)), 201, "article");
  assert.deepEqual(all.tagList, tags(maxItems));
  assertRefused(await send(endpoint, "tagList", tags(maxItems + 1)), "tagList");
  for (const letter of ["a", "😀"]) {
    const longest = letter.repeat(items.maxLength);
    assert.deepEqual(only(await send(endpoint, "tagList", [longest]), 201, "article").tagList, [longest]);
    assertRefused(await send(endpoint, "tagList", [longest + letter]), "tagList");
  }
});

test("every text field has a limit", () => {
  for (const endpoint of endpoints) {
    for (const [field, max] of limitsOf(endpoint)) assert.ok(max > 0, `${endpoint.template} ${field}`);
  }
});
