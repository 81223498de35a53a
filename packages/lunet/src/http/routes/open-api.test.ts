import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { Compile } from "typebox/schema";
import { route, type Route } from "../../client/mod.ts";
import { coroutineTest, requestInProcess } from "../../testing/mod.ts";
import { Api } from "./api.ts";
import { openApi, openApiHandler } from "./open-api.ts";

const INFO = { title: "Things", version: "1.2.3" };
const Thing = Type.Object({ name: Type.String({ minLength: 1 }) }, { $id: "Thing", description: "A thing" });

const routes: readonly Route[] = [
  route({
    method: "PUT",
    path: "/things/:id/parts/:part",
    params: { id: Type.Integer({ minimum: 1, description: "Its number" }) },
    query: Type.Object({
      dry: Type.Boolean({ default: false }),
      tag: Type.Array(Type.String()),
      since: Type.String({ description: "A date" }),
      limit: Type.Optional(Type.Integer()),
    }),
    content: Thing,
    replies: { 200: Type.Array(Thing), 204: null, 422: Type.String({ description: "Ours" }) },
    summary: "Change a thing",
    tags: ["things"],
    operationId: "putThing",
    deprecated: true,
    security: [{ Token: [] }],
  }),
  route({ method: "GET", path: "/things/:id/parts/:part", replies: { 200: Thing } }),
  route({ method: "GET", path: "/files/*rest", replies: { 200: Type.Unknown(), 404: null } }),
];

test("the document has all that the declarations have", () => {
  const document = plain(openApi(routes, { ...INFO, description: "All", tags: [{ name: "things" }] }));
  assert.deepEqual(document.info, { title: "Things", version: "1.2.3", description: "All" });
  assert.deepEqual(document.servers, [{ url: "/" }]);
  assert.deepEqual(Object.keys(document.paths), ["/things/{id}/parts/{part}", "/files/{rest}"]);
  const { put, get } = document.paths["/things/{id}/parts/{part}"];
  assert.deepEqual(put.parameters, [
    {
      name: "id",
      in: "path",
      description: "Its number",
      required: true,
      schema: { type: "integer", minimum: 1, description: "Its number" },
    },
    { name: "part", in: "path", required: true, schema: { type: "string" } },
    { name: "dry", in: "query", required: false, schema: { type: "boolean", default: false } },
    { name: "tag", in: "query", required: false, schema: { type: "array", items: { type: "string" } } },
    {
      name: "since",
      in: "query",
      description: "A date",
      required: true,
      schema: { type: "string", description: "A date" },
    },
    { name: "limit", in: "query", required: false, schema: { type: "integer" } },
  ]);
  const reference = { $ref: "#/components/schemas/Thing" };
  assert.deepEqual(put.requestBody, { required: true, content: { "application/json": { schema: reference } } });
  assert.deepEqual(Object.keys(put.responses), ["200", "204", "400", "415", "422"]);
  assert.deepEqual(put.responses[200].content["application/json"].schema, { type: "array", items: reference });
  assert.deepEqual(put.responses[204], { description: "No Content" });
  assert.deepEqual(put.responses[422].description, "Ours");
  assert.deepEqual(Object.keys(put.responses[415].content), ["application/problem+json"]);
  const words = { summary: "Change a thing", tags: ["things"], operationId: "putThing", deprecated: true };
  for (const [name, value] of Object.entries(words)) assert.deepEqual(put[name], value);
  assert.deepEqual(put.security, [{ Token: [] }]);
  assert.deepEqual(Object.keys(get.responses), ["200"]);
  assert.deepEqual(Object.keys(document.paths["/files/{rest}"].get.responses), ["200", "404"]);
  assert.deepEqual(document.components.schemas.Thing, {
    description: "A thing",
    type: "object",
    required: ["name"],
    properties: { name: { type: "string", minLength: 1 } },
  });
});

test("the document keeps the rules of OpenAPI 3.1", () => {
  const document = plain(
    openApi(routes, { ...INFO, securitySchemes: { Token: { type: "http", scheme: "bearer" } }, security: [] }),
  );
  assert.match(document.openapi, /^3\.1\.\d$/);
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    assert.match(path, /^\/[^:*?#]*$/);
    for (const [method, operation] of Object.entries<any>(operations)) {
      assert.match(method, /^(get|put|post|delete|patch)$/);
      const inTemplate = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
      const parameters: any[] = operation.parameters ?? [];
      const inPath = parameters.filter((one) => one.in === "path");
      assert.deepEqual(new Set(inPath.map(({ name }) => name)), new Set(inTemplate));
      assert.equal(inPath.length, inTemplate.length);
      assert.ok(inPath.every(({ required }) => required === true));
      assert.equal(new Set(parameters.map((one) => `${one.in} ${one.name}`)).size, parameters.length);
      for (const one of parameters) assert.ok(one.schema !== undefined);
      assert.ok(method !== "get" || operation.requestBody === undefined);
      assert.ok(Object.keys(operation.responses).length > 0);
      for (const [status, response] of Object.entries<any>(operation.responses)) {
        assert.match(status, /^[1-5]\d\d$/);
        assert.equal(typeof response.description, "string");
      }
      for (const need of operation.security ?? []) {
        for (const name of Object.keys(need)) assert.ok(document.components.securitySchemes[name] !== undefined, name);
      }
      if (operation.operationId !== undefined) assert.ok(!ids.has(operation.operationId));
      ids.add(operation.operationId);
    }
  }
  for (const name of Object.keys(document.components.schemas)) assert.match(name, /^[A-Za-z0-9._-]+$/);
  for (const schema of schemasIn(document)) {
    if (schema.$ref === undefined) Compile(schema);
    else assert.ok(document.components.schemas[schema.$ref.replace("#/components/schemas/", "")] !== undefined);
  }
});

test("one $id means one schema, and one operationId one route", () => {
  const get = (path: `/${string}`, id: string, operationId: string): Route =>
    route({ method: "GET", path, replies: { 200: Type.Object({}, { $id: id }) }, operationId });
  assert.throws(() => openApi([get("/a", "A", "a"), get("/b", "A", "b")], INFO), /two schemas with the \$id "A"/);
  assert.throws(() => openApi([get("/a", "A", "a"), get("/b", "B", "a")], INFO), /the operationId "a" twice/);
  const strange = openApi([get("/a", "https://example.org/a", "a")], INFO);
  assert.deepEqual(Object.keys(strange.components.schemas), []);
});

test("what refuses a request may have a shape of its own", () => {
  const document = plain(openApi(routes, { ...INFO, refusal: { schema: Type.Object({}, { $id: "Errors" }) } }));
  const { put } = document.paths["/things/{id}/parts/{part}"];
  assert.deepEqual(put.responses[415].content, {
    "application/json": { schema: { $ref: "#/components/schemas/Errors" } },
  });
});

coroutineTest("the document is served as JSON, of the routes that are there at the first request", async () => {
  const api = new Api();
  api.router.get("/openapi.json", openApiHandler(api, INFO));
  api.handle(route({ method: "GET", path: "/late", replies: { 204: null } }), ({ reply }) => reply(204));
  const reply = await requestInProcess(api, { path: "/openapi.json" });
  assert.deepEqual(Object.keys((reply.json() as { paths: object }).paths), ["/late"]);
});

function plain(document: object): any {
  return JSON.parse(JSON.stringify(document));
}

function schemasIn(value: any): any[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries<any>(value).flatMap(([name, one]) => {
    if (name === "schema") return [one];
    return name === "schemas" ? Object.values(one) : schemasIn(one);
  });
}
