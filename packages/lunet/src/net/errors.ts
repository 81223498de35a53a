/** The errors of sockets, one class for what the system reports and one for each misuse. */
import { LunetError } from "../co/mod.ts";

/** The system's error names that a caller would tell apart, and the codes they get. All others: `ERR_SOCKET`. */
const codes: Readonly<Record<string, string>> = {
  EADDRINUSE: "ERR_ADDRESS_IN_USE",
  EADDRNOTAVAIL: "ERR_ADDRESS_NOT_AVAILABLE",
  EACCES: "ERR_ADDRESS_DENIED",
  ECONNREFUSED: "ERR_CONNECTION_REFUSED",
  ECONNRESET: "ERR_CONNECTION_RESET",
  EPIPE: "ERR_CONNECTION_RESET",
  ENOENT: "ERR_ADDRESS_NOT_FOUND",
  ENOTFOUND: "ERR_HOST_NOT_FOUND",
  EAI_AGAIN: "ERR_HOST_NOT_FOUND",
};

/**
 * What the system said of a socket. Codes: `ERR_ADDRESS_IN_USE`, `ERR_ADDRESS_NOT_AVAILABLE`, `ERR_ADDRESS_DENIED`,
 * `ERR_ADDRESS_NOT_FOUND`, `ERR_HOST_NOT_FOUND`, `ERR_CONNECTION_REFUSED`, `ERR_CONNECTION_RESET`, else `ERR_SOCKET`.
 */
export class SocketError extends LunetError {
  /** The system's name of the error, such as `ECONNRESET`; undefined if it has none. */
  readonly errno: string | undefined;
  readonly syscall: string | undefined;

  constructor(action: string, cause: Error) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    // A name with several addresses fails with one error for each, and without words of its own.
    const found = cause instanceof AggregateError ? cause.errors.map(messageOf).join("; ") : cause.message;
    super(codes[code ?? ""] ?? "ERR_SOCKET", `Cannot ${action}: ${found}`, { cause });
    this.errno = code;
    this.syscall = syscall;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `ERR_BUSY`: a second coroutine reads, writes or accepts on a handle on which one already waits. */
export class BusyError extends LunetError {
  constructor(operation: string, what: string) {
    super("ERR_BUSY", `Cannot ${operation} on ${what}: found another coroutine waiting in it, wanted one at a time`);
  }
}

/** `ERR_BIND_NOT_LOOPBACK`: the bind policy refuses an address that others can reach. */
export class BindPolicyError extends LunetError {
  readonly address: string;

  constructor(host: string, address: string) {
    super(
      "ERR_BIND_NOT_LOOPBACK",
      `Cannot listen on "${host}": found the address ${address}, wanted loopback (127.0.0.0/8, ::1) or a Unix socket. ` +
        "Put a proxy in front, or pass dangerouslySkipLoopbackRestriction",
    );
    this.address = address;
  }
}
