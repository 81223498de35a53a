import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { documentationPage, openApiDocument } from "./openapi.ts";
import { route } from "./route.ts";

const rows = [
  route("PUT /api/things/:id", "required", "Change <a> thing", () => ({ status: 200 }), {
    content: Type.Object({ thing: Type.Partial(Type.Object({ name: Type.String({ minLength: 1 }) })) }),
    reply: Type.Object({ thing: Type.Object({ name: Type.String() }) }),
    errors: [404],
  }),
  route("GET /api/things", "optional", "Things", () => ({ status: 200 }), { query: ["limit"] }),
  route("GET /api/news", "none", "News", () => ({ status: 200 }), {
    query: ["slug"],
    mediaType: "text/event-stream",
    reply: Type.String(),
    errors: [422],
  }),
];

test("the document has each route with its parameters, content, statuses and authentication", () => {
  const { paths } = JSON.parse(JSON.stringify(openApiDocument(rows))) as { paths: any };
  assert.deepEqual(Object.keys(paths), ["/api/things/{id}", "/api/things", "/api/news"]);
  const { put } = paths["/api/things/{id}"];
  assert.deepEqual(put.parameters, [{ name: "id", in: "path", required: true, schema: { type: "string" } }]);
  assert.deepEqual(put.requestBody.content["application/json"].schema, {
    type: "object",
    required: ["thing"],
    properties: { thing: { type: "object", properties: { name: { type: "string", minLength: 1 } } } },
  });
  assert.deepEqual(Object.keys(put.responses), ["200", "400", "401", "404", "413", "415", "422"]);
  assert.deepEqual(put.security, [{ Token: [] }]);
  const { get } = paths["/api/things"];
  assert.equal(get.parameters[0].name, "limit");
  assert.deepEqual(get.security, [{}, { Token: [] }]);
});

test("a reply that is no JSON has its media type, and its errors are JSON all the same", () => {
  const { paths } = JSON.parse(JSON.stringify(openApiDocument(rows))) as { paths: any };
  const { parameters, responses } = paths["/api/news"].get;
  assert.deepEqual(Object.keys(responses["200"].content), ["text/event-stream"]);
  assert.deepEqual(Object.keys(responses["422"].content), ["application/json"]);
  assert.deepEqual([parameters[0].name, parameters[0].required, parameters[0].schema.type], ["slug", true, "array"]);
});

test("the page shows every route, escaped, and loads nothing", () => {
  const page = documentationPage(rows);
  assert.match(page, /PUT<\/b> <code>\/api\/things\/:id<\/code> Change &#60;a&#62; thing/);
  assert.doesNotMatch(page, /<script|src=|https?:\/\//);
});
