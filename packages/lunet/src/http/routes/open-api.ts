/** The OpenAPI 3.1 document of typed routes (https://spec.openapis.org/oas/v3.1.1). */
import type { TSchema } from "typebox";
import { paramNames, type Route } from "../../client/mod.ts";
import type { Handler } from "../handler.ts";
import { reasonPhrases } from "../reply-serializer.ts";
import { json, type Reply } from "../reply.ts";
import { isObject, type JsonSchema } from "./json-schema.ts";

/** What the document says besides its routes. */
export interface OpenApiOptions {
  readonly title: string;
  /** Of the API, not of OpenAPI. */
  readonly version: string;
  /** Markdown. */
  readonly description?: string;
  /** Where the API is. Default: where the document is, `"/"`. */
  readonly servers?: ReadonlyArray<{ readonly url: string; readonly description?: string }>;
  /** Groups of routes, in their order. */
  readonly tags?: ReadonlyArray<{ readonly name: string; readonly description?: string }>;
  /** Security Scheme Objects, by the names that `security` uses. */
  readonly securitySchemes?: Readonly<Record<string, object>>;
  /** What routes need that do not say. Default: nothing. */
  readonly security?: ReadonlyArray<Readonly<Record<string, readonly string[]>>>;
  /** The content of what refuses a request, when hooks or `errorReply` give it a shape of their own. Default: problem details. */
  readonly refusal?: { readonly mediaType?: string; readonly schema: TSchema };
}

/** An OpenAPI document, as far as it is the same for all. */
export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: Readonly<Record<string, unknown>>;
  readonly servers: readonly object[];
  readonly tags?: readonly object[];
  readonly security?: readonly object[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes?: Readonly<Record<string, object>>;
  };
}

/** Problem details as an `InvalidRequestError` gives them (RFC 9457). */
const PROBLEM_SCHEMA: JsonSchema & { readonly $id: string } = {
  $id: "Problem",
  type: "object",
  required: ["title", "status", "code"],
  properties: {
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["in", "pointer", "message"],
        properties: {
          in: { type: "string", enum: ["path", "query", "content"] },
          pointer: { type: "string" },
          message: { type: "string" },
        },
      },
    },
  },
};

const COMPONENT_NAME = /^[A-Za-z0-9._-]+$/;

/**
 * Makes the document of routes. Schemas with an `$id` stand among the components, once. What the checks of a route answer
 * (400, 415, 422) is added to the replies that it declares; a reply that is declared under such a status stands instead.
 *
 * @param source An `Api`, or routes.
 * @throws TypeError for two different schemas with one `$id`, and for an `operationId` that two routes have.
 * @example
 * ```ts
 * import { Api, openApi, route } from "lunet/http/routes";
 * import { Type } from "typebox";
 * const getUser = route({ method: "GET", path: "/users/:name", replies: { 200: Type.Object({ name: Type.String() }) } });
 * const api = new Api().handle(getUser, ({ params, reply }) => reply(200, { name: params.name }));
 * console.log(Object.keys(openApi(api, { title: "Users", version: "1.0.0" }).paths)); // [ '/users/{name}' ]
 * ```
 */
export function openApi(
  source: { readonly routes: readonly Route[] } | readonly Route[],
  options: OpenApiOptions,
): OpenApiDocument {
  const { title, version, description, servers = [{ url: "/" }], tags, security, securitySchemes } = options;
  const writer = new DocumentWriter(options.refusal);
  for (const one of "routes" in source ? source.routes : source) writer.add(one);
  return {
    openapi: "3.1.1",
    info: { title, version, ...(description === undefined ? {} : { description }) },
    servers,
    ...(tags === undefined ? {} : { tags }),
    ...(security === undefined ? {} : { security }),
    paths: writer.paths,
    components: { schemas: writer.schemas, ...(securitySchemes === undefined ? {} : { securitySchemes }) },
  };
}

/**
 * Serves the document as JSON. It is made at the first request, of the routes that are there then, and kept.
 *
 * @example
 * ```ts
 * import { Api, openApiHandler } from "lunet/http/routes";
 * const api = new Api();
 * api.router.get("/openapi.json", openApiHandler(api, { title: "Things", version: "1.0.0" }));
 * ```
 */
export function openApiHandler(...[source, options]: Parameters<typeof openApi>): Handler {
  let reply: Reply | undefined;
  return () => (reply ??= json(openApi(source, options)));
}

class DocumentWriter {
  readonly paths: Record<string, Record<string, object>> = {};
  readonly schemas: Record<string, object> = {};
  readonly #sources = new Map<string, unknown>();
  readonly #operationIds = new Set<string>();
  readonly #refusal: { readonly mediaType?: string; readonly schema: TSchema };

  constructor(refusal: OpenApiOptions["refusal"]) {
    this.#refusal = refusal ?? { mediaType: "application/problem+json", schema: PROBLEM_SCHEMA };
  }

  add(route: Route): void {
    const { operationId } = route;
    if (operationId !== undefined && this.#operationIds.has(operationId)) {
      throw new TypeError(`Cannot make the OpenAPI document: found the operationId "${operationId}" twice`);
    }
    if (operationId !== undefined) this.#operationIds.add(operationId);
    const path = route.path.replaceAll(/(?<=\/)[:*]([^/]+)/g, "{$1}");
    (this.paths[path] ??= {})[route.method.toLowerCase()] = this.#operation(route);
  }

  #operation(route: Route): object {
    const { method: _method, path, params, query, content, replies: _replies, ...words } = route;
    const parameters = [
      ...paramNames(path).map((name) => this.#parameter("path", name, params[name] ?? { type: "string" }, true)),
      ...this.#queryParameters(query ?? {}),
    ];
    return {
      ...words,
      ...(parameters.length > 0 ? { parameters } : {}),
      ...(content === undefined
        ? {}
        : { requestBody: { required: true, content: this.#content("application/json", content) } }),
      responses: this.#responses(route),
    };
  }

  #queryParameters({ properties = {}, required = [] }: JsonSchema): object[] {
    return Object.entries(properties).map(([name, schema]) => {
      // A list that is not there is empty.
      const isRequired = required.includes(name) && schema.default === undefined && schema.type !== "array";
      return this.#parameter("query", name, schema, isRequired);
    });
  }

  #parameter(place: "path" | "query", name: string, schema: JsonSchema & { description?: string }, required: boolean) {
    const { description } = schema;
    const words = description === undefined ? {} : { description };
    return { name, in: place, ...words, required, schema: this.#schema(schema) };
  }

  #responses({ params, query, content, replies }: Route): object {
    const responses: Record<string, object> = {};
    const refused = [
      ...(Object.keys(params).length > 0 || query !== undefined || content !== undefined ? [400] : []),
      ...(content === undefined ? [] : [415, 422]),
    ];
    for (const status of refused)
      responses[status] = this.#response(status, this.#refusal.schema, this.#refusal.mediaType);
    for (const [status, schema] of Object.entries(replies)) responses[status] = this.#response(Number(status), schema);
    return responses;
  }

  #response(
    status: number,
    schema: (TSchema & { description?: string }) | null,
    mediaType = "application/json",
  ): object {
    const description = schema?.description ?? reasonPhrases[status] ?? String(status);
    return { description, ...(schema === null ? {} : { content: this.#content(mediaType, schema) }) };
  }

  #content(mediaType: string, schema: TSchema): object {
    return { [mediaType]: { schema: this.#schema(schema) } };
  }

  /** A schema as plain data, with references to the components. */
  #schema(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((one) => this.#schema(one));
    if (!isObject(schema)) return schema;
    const { $id, ...rest } = schema;
    if (typeof $id !== "string" || !COMPONENT_NAME.test($id)) return this.#members(schema);
    const known = this.#sources.get($id);
    if (known !== undefined && known !== schema) {
      throw new TypeError(`Cannot make the OpenAPI document: found two schemas with the $id "${$id}"`);
    }
    if (known === undefined) {
      this.#sources.set($id, schema);
      this.schemas[$id] = this.#members(rest);
    }
    return { $ref: `#/components/schemas/${$id}` };
  }

  #members(schema: Readonly<Record<string, unknown>>): object {
    return Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, this.#schema(one)]));
  }
}
