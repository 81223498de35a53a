/** The OpenAPI document, made from the table of routes, and a page to read it. */
import { html, json, type Reply } from "lunet/http";
import { Type } from "typebox";
import type { Route } from "./route.ts";

export const ErrorReply = Type.Object({ errors: Type.Record(Type.String(), Type.Array(Type.String())) });

const MEANINGS: Readonly<Record<number, string>> = {
  200: "Success",
  201: "Created",
  204: "Done, nothing to say",
  400: "The content is no JSON object",
  401: "No token where one is needed, or a bad one; wrong credentials",
  403: "It belongs to somebody else",
  404: "There is no such thing",
  409: "The name or address is taken",
  413: "The content is too large",
  415: "The content is not JSON",
  422: "A field cannot be used",
  429: "More than the server's limit for one address, come again",
  503: "Too busy, come again",
};

const QUERY: Readonly<Record<string, object>> = {
  tag: { description: "Articles with this tag", schema: { type: "string" } },
  author: { description: "Articles of this user", schema: { type: "string" } },
  favorited: { description: "Articles that this user has favourited", schema: { type: "string" } },
  limit: {
    description: "How many at most; more than 100 is 100",
    schema: { type: "integer", minimum: 0, default: 20 },
  },
  slug: {
    description: "Articles to hear of, 1 to 20",
    required: true,
    schema: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 20 },
  },
  offset: { description: "How many to skip", schema: { type: "integer", minimum: 0, default: 0 } },
};

const DESCRIPTION = `The RealWorld back end. Authenticate with \`Authorization: Token <jwt>\`; \`Bearer\` is understood too.
Errors are \`{"errors": {"<field or thing>": ["<what is wrong>", …]}}\`, whatever goes wrong.`;

/** Every status that a route can answer with. */
function statusesOf(row: Route): number[] {
  const statuses = new Set([row.status, ...row.errors]);
  if (row.auth !== "none") statuses.add(401);
  if (row.content !== undefined) for (const status of [400, 413, 415, 422]) statuses.add(status);
  return [...statuses].sort((a, b) => a - b);
}

function inJson(schema: object): object {
  return inMediaType("application/json", schema);
}

function inMediaType(mediaType: string, schema: object): object {
  return { [mediaType]: { schema } };
}

function operationOf(row: Route): object {
  const pathNames = [...row.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  return {
    summary: row.summary,
    parameters: [
      ...pathNames.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...row.query.map((name) => ({ name, in: "query", required: false, ...QUERY[name] })),
    ],
    ...(row.content === undefined ? {} : { requestBody: { required: true, content: inJson(row.content) } }),
    responses: Object.fromEntries(
      statusesOf(row).map((status) => {
        const isSuccess = status < 300;
        const schema = isSuccess ? row.reply : { $ref: "#/components/schemas/Errors" };
        const mediaType = isSuccess ? row.mediaType : "application/json";
        const content = schema === undefined ? {} : { content: inMediaType(mediaType, schema) };
        return [status, { description: MEANINGS[status] ?? String(status), ...content }];
      }),
    ),
    security: { none: [], optional: [{}, { Token: [] }], required: [{ Token: [] }] }[row.auth],
  };
}

/** The OpenAPI 3.1 document of some routes. */
export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const row of routes) {
    const path = row.path.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[row.method.toLowerCase()] = operationOf(row);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Conduit", version: "2.0.0", description: DESCRIPTION },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { Errors: ErrorReply },
      securitySchemes: {
        Token: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description: "`Token` and the token that registering or logging in gave",
        },
      },
    },
  };
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222}
details{border:1px solid #ccc;border-radius:4px;margin:.5rem 0;padding:.5rem 1rem}summary{cursor:pointer}
b{display:inline-block;min-width:4.5rem}code,pre{font-family:ui-monospace,monospace;font-size:.9rem}
pre{background:#f5f5f5;padding:.75rem;overflow:auto}small{color:#666}table{border-collapse:collapse}td{padding:.1rem .75rem .1rem 0}`;

function section(row: Route): string {
  const schema = (title: string, value: object | undefined): string =>
    value === undefined ? "" : `<p>${title}</p><pre>${escape(JSON.stringify(value, null, 2))}</pre>`;
  const auth = { none: "", optional: "token optional", required: "token required" }[row.auth];
  const query = row.query.length === 0 ? "" : `<p>Query: <code>${row.query.join(", ")}</code></p>`;
  const statuses = statusesOf(row).map((status) => `<tr><td>${status}<td>${escape(MEANINGS[status] ?? "")}`);
  return `<details><summary><b>${row.method}</b> <code>${escape(row.path)}</code> ${escape(row.summary)} <small>${auth}</small></summary>
${query}<table>${statuses.join("")}</table>${schema("Content", row.content)}${schema(`Reply, ${row.mediaType}`, row.reply)}</details>`;
}

/** A page that shows the routes without loading anything from anywhere. */
export function documentationPage(routes: readonly Route[]): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Conduit API</title><style>${STYLE}</style><h1>Conduit API</h1>
<p>Authenticate with <code>Authorization: Token &lt;jwt&gt;</code>. Errors are <code>{"errors": {"field": ["message"]}}</code>.
The same as a document for programs: <a href="/openapi.json">/openapi.json</a>.</p>
${routes.map(section).join("\n")}</html>
`;
}

/** The handlers of `/openapi.json` and `/docs`. Both are made once. */
export class Documentation {
  readonly #document: Reply;
  readonly #page: Reply;

  constructor(routes: readonly Route[]) {
    this.#document = json(openApiDocument(routes));
    const fields = { "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'" };
    this.#page = html(documentationPage(routes), { fields });
  }

  readonly document = (): Reply => this.#document;

  readonly page = (): Reply => this.#page;
}
