/**
 * The log: JSON lines on standard error. Lines are collected for a moment and written beside the event loop, so that a
 * line for each request costs little; a failure is written at once, and the rest when the process ends. A reader that
 * does not read stops nothing: past `MAX_HELD_BYTES` lines are dropped.
 *
 * Requests are logged by method, path and status; queries, fields and contents are not, because tokens, passwords and
 * addresses stand in them.
 */
import type { HttpError, HttpRequest, ReplyEvent } from "lunet/http";
import type { WorkerEvent } from "lunet/workers";
import pino from "pino";
import type { LogLevel } from "./configuration.ts";

/** Standard error's file descriptor. */
const STDERR = 2;
/** Lines are written when there is so much of them, or after so long. */
const WRITE_BYTES = 4_096;
const WRITE_EVERY_MS = 200;
const MAX_HELD_BYTES = 1_048_576;

/** Where lines go; `flushSync` writes what is held. */
interface Destination {
  write(line: string): void;
  flushSync(): void;
}

function standardError(): Destination {
  return pino.destination({
    dest: STDERR,
    sync: false,
    minLength: WRITE_BYTES,
    periodicFlush: WRITE_EVERY_MS,
    maxLength: MAX_HELD_BYTES,
  });
}

/** What is written to the log. */
export class Log {
  readonly #pino: pino.Logger;
  readonly #destination: Destination;
  /** Whether the level asks for a line per request. Without one, nothing needs to be collected for it. */
  readonly logsRequests: boolean;

  constructor(level: LogLevel, destination: Destination = standardError()) {
    this.#destination = destination;
    const timestamp = pino.stdTimeFunctions.isoTime;
    const formatters = { level: (label: string) => ({ level: label }) };
    this.#pino = pino({ level, base: null, timestamp, formatters }, destination);
    this.logsRequests = this.#pino.isLevelEnabled("info");
  }

  /** One line of the access log. */
  request({ request, status, contentBytes, durationMs, complete }: ReplyEvent, userId: number | undefined): void {
    const line = {
      id: request.id,
      ...(request.fromTrustedProxy ? { client: request.clientAddress } : {}),
      method: request.method,
      path: request.path,
      status,
      bytes: contentBytes,
      durationMs: Math.round(durationMs * 1000) / 1000,
      ...(userId === undefined ? {} : { userId }),
      ...(complete ? {} : { complete }),
    };
    this.#pino.info(line, "request");
  }

  /** A message that was no request. */
  refused(error: HttpError): void {
    this.#pino.info({ code: error.code, status: error.status }, "refused a message");
  }

  /** A failure of the program, with all that is known of it. */
  failure(error: unknown, request?: HttpRequest): void {
    const where = request === undefined ? {} : { id: request.id, method: request.method, path: request.path };
    this.#pino.error({ err: error, ...where }, "failed");
    this.flush();
  }

  /** What happened to the workers. */
  worker({ level, message, worker, pid }: WorkerEvent): void {
    const line = { ...(worker === undefined ? {} : { worker }), ...(pid === undefined ? {} : { pid }) };
    const write = { info: "info", warning: "warn", error: "error" } as const;
    this.#pino[write[level]](line, message);
  }

  /** Writes what is held. */
  flush(): void {
    this.#destination.flushSync();
  }

  /** Something that whoever runs the program should know. */
  warning(message: string): void {
    this.#pino.warn(message);
  }

  info(message: string): void {
    this.#pino.info(message);
  }
}
