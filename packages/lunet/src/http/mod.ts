/**
 * The HTTP/1.1 server (RFC 9110, 9112): handlers, router, replies.
 *
 * @module
 */
export { afterReply, type Handler, type Middleware } from "./handler.ts";
export { after, before, compose, onError } from "./hooks.ts";
export type { ContentCoding } from "./content/accept-encoding.ts";
export type { CompressionLevels } from "./content/coding-stream.ts";
export { compress, type CompressOptions } from "./content/compression.ts";
export { decompress, type DecompressOptions } from "./content/decompression.ts";
export {
  DEFAULT_MAX_KEPT_CHARACTERS,
  DEFAULT_MAX_KEPT_EVENTS,
  EventChannel,
  type EventChannelOptions,
} from "./content/event-channel.ts";
export {
  DEFAULT_HEARTBEAT_MS,
  EventSender,
  eventStream,
  serializeEvent,
  type EventStreamOptions,
  type ServerSentEvent,
} from "./content/event-stream.ts";
export { defaultFormLimits, form, type FormLimits } from "./content/form.ts";
export { defaultMultipartLimits, FormPart, multipart, type MultipartLimits } from "./content/multipart.ts";
export { formatHttpDate, parseHttpDate } from "./http-date.ts";
export { HttpError, httpErrors, type HttpErrorCode } from "./http-error.ts";
export { defaultMessageLimits, type MessageLimits } from "./limits.ts";
export { clientKey } from "./middleware/client-key.ts";
export { CookieSigner } from "./middleware/cookie-signer.ts";
export { cookies, deleteCookie, setCookie, type CookieOptions, type Cookies } from "./middleware/cookies.ts";
export { cors, type CorsOptions } from "./middleware/cors.ts";
export {
  createRateLimitTable,
  databaseRateLimits,
  type DatabaseRateLimitOptions,
  type RateLimitDatabase,
} from "./middleware/database-rate-limits.ts";
export type { RateLimitPolicy, RateLimitState } from "./middleware/gcra.ts";
export { memoryRateLimits, type MemoryRateLimitOptions } from "./middleware/memory-rate-limits.ts";
export { rateLimit, RateLimiter, type RateLimitOptions } from "./middleware/rate-limit.ts";
export type { RateLimitPlace, RateLimitStore } from "./middleware/rate-limit-store.ts";
export { requestIds, type RequestIdsOptions } from "./middleware/request-ids.ts";
export { securityFields, type SecurityFieldsOptions } from "./middleware/security-fields.ts";
export {
  empty,
  html,
  json,
  jsonText,
  redirect,
  text,
  withFields,
  type Reply,
  type ReplyContent,
  type ReplyFields,
  type ReplyOptions,
  type Upgrade,
} from "./reply.ts";
export { HttpRequest } from "./request.ts";
export { RouteTable } from "./route-table.ts";
export { Router, type RouterOptions } from "./router.ts";
export { DEFAULT_GRACE_MS, serve, serveConnection, Server, type ServeOptions, type ServerOptions } from "./server.ts";
export type { ReplyEvent } from "./server-connection.ts";
export { defaultServerLimits, type ServerLimits } from "./server-limits.ts";
export { staticFile, staticFiles, type StaticFileOptions, type StaticFilesOptions } from "./static-files.ts";
export { decodePath, normalizeSegments, Query } from "./target.ts";
export type { WebSocketMessage } from "./web-socket/message-queue.ts";
export type { WebSocketOptions } from "./web-socket/options.ts";
export { webSocket } from "./web-socket/web-socket-handler.ts";
export { ServerWebSocket } from "./web-socket/web-socket.ts";
