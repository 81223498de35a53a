/**
 * What a supervisor and its workers say to each other, over the channel that Node keeps between a process and its child.
 *
 * A place is where a program listens, the same text in every worker of it: `127.0.0.1 8080`, or for port 0 the host and
 * the how manieth such listener of the program it is.
 */
import type { Address } from "./transport.ts";

/** How workers share a port: each with a socket of its own (`SO_REUSEPORT`), or one that the supervisor has. */
export type PortSharing = "reuse-port" | "cluster";

/** From a worker to the supervisor. */
export type WorkerReport =
  /** It understands orders. */
  | { readonly lunet: "joined" }
  /** It is about to listen, and asks how. */
  | { readonly lunet: "place"; readonly request: number; readonly place: string }
  /** It listens. */
  | { readonly lunet: "bound"; readonly place: string; readonly address: Address }
  /** It has closed a socket that the supervisor accepts on, and wants to know when nothing more can come from there. */
  | { readonly lunet: "left"; readonly request: number }
  /** It could not. */
  | { readonly lunet: "unbound"; readonly place: string }
  /** The socket that it was asked for goes with this, if it has one there. */
  | { readonly lunet: "handed-over"; readonly request: number };

/** From the supervisor to a worker. */
export type WorkerOrder =
  /** The answer: a socket that goes with it, or the port to listen on; the first one there sees that nobody else is. */
  | { readonly lunet: "place"; readonly request: number; readonly port: number | undefined; readonly isFirst: boolean }
  /** Let the next worker have the socket of this place too. */
  | { readonly lunet: "hand-over"; readonly request: number; readonly place: string }
  /** A connection that came to this place while its socket was on its way, and goes with this. */
  | { readonly lunet: "connection"; readonly place: string }
  /** All that was dealt out to it has been sent before this. */
  | { readonly lunet: "left"; readonly request: number }
  /** End in order. The second time at once. */
  | { readonly lunet: "drain"; readonly times: number };
