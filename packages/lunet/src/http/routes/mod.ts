/**
 * Typed routes: one declaration gives a route its types, its checks, its serialized replies, and its place in the OpenAPI
 * document. Clients use the same declarations with `lunet/client`.
 *
 * It is a front door of its own, because it loads TypeBox, which a server without typed routes does not need.
 *
 * @module
 */
export { route, type Route } from "../../client/mod.ts";
export { Api, type ApiOptions } from "./api.ts";
export type { Call, ReplyTo, RouteHandler } from "./endpoint.ts";
export { InvalidRequestError } from "./invalid-request.ts";
export { openApi, openApiHandler, type OpenApiDocument, type OpenApiOptions } from "./open-api.ts";
export type { Problem } from "./problems.ts";
export { compileSerializer, type Serialize } from "./reply-content.ts";
