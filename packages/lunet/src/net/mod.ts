/**
 * Stream sockets: listen, accept, connect, read, write.
 *
 * @module
 */
export { AddressSet, normalizeAddress } from "../host/address-set.ts";
export type { Address } from "../host/transport.ts";
export { connect, type ConnectOptions } from "./connect.ts";
export {
  Connection,
  DEFAULT_LINGER_MS,
  DEFAULT_READ_BUFFER_SIZE,
  DEFAULT_WRITE_BUFFER_SIZE,
  type BufferOptions,
  type CloseOptions,
} from "./connection.ts";
export { BindPolicyError, BusyError, SocketError } from "./errors.ts";
export { DEFAULT_BACKLOG, listen, Listener, type ListenOptions } from "./listener.ts";
