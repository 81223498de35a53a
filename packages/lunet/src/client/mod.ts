/**
 * Routes as both sides know them, and a typed client for them. It runs in browsers and in Node: nothing here needs Node.
 *
 * @module
 */
export {
  createClient,
  type CallInput,
  type Client,
  type ClientFields,
  type ClientOptions,
  type Fetch,
  type ReplyOf,
} from "./client.ts";
export { ClientError, type ClientErrorCode } from "./client-error.ts";
export { requestTarget } from "./request-target.ts";
export {
  paramNames,
  route,
  type ContentOf,
  type ParamNames,
  type ParamSchemas,
  type ParamsOf,
  type QueryOf,
  type ReplyContentOf,
  type ReplySchemas,
  type Route,
  type RouteDeclaration,
  type RouteMethod,
  type RouteWords,
  type StatusOf,
} from "./route.ts";
