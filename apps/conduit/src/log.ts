/**
 * The log: JSON lines on standard error, written at once, so that none is lost when the process ends.
 *
 * Requests are logged by method, path and status; queries, fields and contents are not, because tokens, passwords and
 * addresses stand in them.
 */
import type { HttpError, HttpRequest, ReplyEvent } from "lunet/http";
import pino from "pino";
import type { LogLevel } from "./configuration.ts";

/** Standard error's file descriptor. */
const STDERR = 2;

/** What is written to the log. */
export class Log {
  readonly #pino: pino.Logger;
  /** Whether the level asks for a line per request. Without one, nothing needs to be collected for it. */
  readonly logsRequests: boolean;

  constructor(level: LogLevel, destination: pino.DestinationStream = pino.destination({ dest: STDERR, sync: true })) {
    const timestamp = pino.stdTimeFunctions.isoTime;
    const formatters = { level: (label: string) => ({ level: label }) };
    this.#pino = pino({ level, base: null, timestamp, formatters }, destination);
    this.logsRequests = this.#pino.isLevelEnabled("info");
  }

  /** One line of the access log. */
  request({ request, status, contentBytes, durationMs, complete }: ReplyEvent, userId: number | undefined): void {
    const line = {
      id: request.id,
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
  }

  /** Something that whoever runs the program should know. */
  warning(message: string): void {
    this.#pino.warn(message);
  }

  info(message: string): void {
    this.#pino.info(message);
  }
}
