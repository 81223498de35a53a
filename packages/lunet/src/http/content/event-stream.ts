/**
 * Server-sent events: a reply that stays open and carries events, each as it happens (WHATWG HTML, 9.2).
 *
 * Who does what, all of it owned by the reply:
 *   the caller's body ─ send ─► pending text ─ take ─► the connection, at the client's pace
 *
 * Rules:
 * - At most `MAX_PENDING_CHARACTERS` and one event for each coroutine that sends are pending: whoever sends more waits
 *   for the client. A client that takes nothing is ended by the server's `writeStallMs`.
 * - A stream that is silent for `heartbeatMs` gets a comment, so that proxies keep it, and a client that is gone is noticed.
 * - A drain, and a client that goes away, cancel the body; the stream ends when the body has.
 * - No field of an event can end its line and begin another.
 */
import { ended, made, misused, TRACE } from "#trace";
import {
  Cancelled,
  ClosedError,
  DeadlineError,
  ensureCoroutine,
  scope,
  spawn,
  suspend,
  waitCancelRequest,
  withDeadline,
  type Coroutine,
} from "../../co/mod.ts";
import { monotonicMs } from "../../time/mod.ts";
import type { Reply, ReplyFields } from "../reply.ts";
import type { HttpRequest } from "../request.ts";

/** How long a stream is silent before it gets a comment, unless it is told otherwise, in milliseconds. */
export const DEFAULT_HEARTBEAT_MS = 15_000;
const MAX_HEARTBEAT_MS = 86_400_000;
/** Text that waits for the connection before `send` waits. */
const MAX_PENDING_CHARACTERS = 16_384;
const HEARTBEAT = ":\n\n";

// Buffering is a proxy's to switch off: nginx does at this field.
const EVENT_FIELDS: ReplyFields = Object.freeze({
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache",
  "X-Accel-Buffering": "no",
});

/** One event. Without `data` it reaches no listener; its `id` and `retryMs` count all the same. */
export interface ServerSentEvent {
  /** Text; every kind of line end arrives as LF. */
  readonly data?: string;
  /** The type that listeners listen for, without CR and LF. Default for the browser: `message`. */
  readonly event?: string;
  /** What the browser says as `Last-Event-ID` when it connects again, without CR, LF and NUL. `""` forgets it. */
  readonly id?: string;
  /** How long the browser waits before it connects again, a whole number of milliseconds. */
  readonly retryMs?: number;
}

/** How an event stream is sent. */
export interface EventStreamOptions {
  /** How long it may be silent before it gets a comment, in ms: 0 to 86,400,000, 0 switches it off. Default 15,000. */
  readonly heartbeatMs?: number;
  /** Told first: how long the browser waits before it connects again, in ms. Default: the browser's own, some seconds. */
  readonly retryMs?: number;
  /** More fields of the reply. */
  readonly fields?: ReplyFields;
}

/**
 * A reply that carries the events which `body` sends. `body` runs in a coroutine of its own, from the reply's begin; the
 * stream ends when it returns, and then the browser connects again. A client that goes away, and a drain of the server,
 * cancel it. What it throws cuts the stream off and is reported.
 *
 * The time of a stream is not limited by `handlerTimeoutMs`. A client that shuts down its side counts as gone after
 * `halfCloseMs`, which browsers do not do.
 *
 * @throws RangeError for options out of range.
 * @example
 * ```ts
 * import { sleep } from "lunet";
 * import { eventStream, Router } from "lunet/http";
 * const router = new Router();
 * router.get("/countdown", (request) =>
 *   eventStream(request, async (events) => {
 *     for (let left = Number(events.lastId ?? 10); left > 0; left--) {
 *       await events.send({ data: String(left), id: String(left) });
 *       await sleep(1_000);
 *     }
 *   }),
 * );
 * ```
 */
export function eventStream(
  request: HttpRequest,
  body: (events: EventSender) => Promise<void>,
  options: EventStreamOptions = {},
): Reply {
  const { heartbeatMs = DEFAULT_HEARTBEAT_MS, retryMs, fields } = options;
  if (!(Number.isInteger(heartbeatMs) && heartbeatMs >= 0 && heartbeatMs <= MAX_HEARTBEAT_MS)) {
    const wanted = `a whole number from 0 to ${MAX_HEARTBEAT_MS}`;
    throw new RangeError(`Cannot begin an event stream: found heartbeatMs ${heartbeatMs}, wanted ${wanted}`);
  }
  const first = retryMs === undefined ? "" : serializeEvent({ retryMs });
  const events = new EventSender(lastIdOf(request), first);
  return {
    status: 200,
    fields: fields === undefined ? EVENT_FIELDS : { ...EVENT_FIELDS, ...fields },
    content: pieces(events, body, heartbeatMs),
  };
}

/** The field is UTF-8 where the browser has such an id; a header's text has one character for each byte. */
function lastIdOf(request: HttpRequest): string | undefined {
  const field = request.field("last-event-id");
  return field === undefined || field === "" ? undefined : Buffer.from(field, "latin1").toString();
}

async function* pieces(
  events: EventSender,
  body: (events: EventSender) => Promise<void>,
  heartbeatMs: number,
): AsyncGenerator<string, void, undefined> {
  let failure: { readonly error: unknown } | undefined;
  if (TRACE) made("event-stream", events);
  try {
    await using running = spawn(
      async () => {
        try {
          // With the coroutines that it spawns, which may send as well.
          await scope(() => body(events));
        } catch (error) {
          if (error instanceof Cancelled) throw error;
          // A stream that has ended cannot be cut off any more: what its body then fails with goes to its owner.
          if (!events.ended) failure = { error };
          else if (!(error instanceof ClosedError)) throw error;
        } finally {
          events.end();
        }
      },
      { name: "event stream" },
    );
    await using _attending = spawn(() => attend(events, running, heartbeatMs), { name: "event stream heartbeat" });
    try {
      for (let text = await events.take(); text !== undefined; text = await events.take()) yield text;
    } finally {
      // Before the body is waited for, which may have something to say that nobody will take.
      events.end();
    }
  } finally {
    if (TRACE) ended("event-stream", events);
  }
  if (failure !== undefined) throw failure.error;
}

/** Breaks the silence, and ends the stream when the server drains. */
async function attend(events: EventSender, running: Coroutine<void>, heartbeatMs: number): Promise<void> {
  const everyMs = heartbeatMs === 0 ? Infinity : heartbeatMs;
  for (;;) {
    const waitMs = everyMs - events.silentMs();
    if (waitMs <= 0) events.beat();
    else if (await isAskedWithin(waitMs)) return running.cancel({ reason: "the server drains" });
  }
}

/** Whether the server asks to finish within the time. */
async function isAskedWithin(waitMs: number): Promise<boolean> {
  try {
    if (waitMs === Infinity) await waitCancelRequest();
    else await withDeadline(waitMs, waitCancelRequest);
    return true;
  } catch (error) {
    if (error instanceof DeadlineError) return false;
    throw error;
  }
}

/** Where the body of an event stream sends to. Made by `eventStream`; it is of use until the body has ended. */
export class EventSender {
  /** The id of the last event that the browser has seen before it connected again (`Last-Event-ID`). */
  readonly lastId: string | undefined;
  #pending: string;
  #lastSentMs = monotonicMs();
  #ended = false;
  #taker: (() => void) | undefined;
  readonly #senders = new Set<() => void>();

  /** Use `eventStream`. */
  constructor(lastId: string | undefined, first: string) {
    this.lastId = lastId;
    this.#pending = first;
  }

  /**
   * Sends an event. Waits while much is pending, because the client is slow; that it has gone out is not waited for.
   *
   * @throws TypeError, RangeError for an event that cannot be sent; ClosedError when the stream has ended.
   */
  async send(event: ServerSentEvent): Promise<void> {
    await this.sendSerialized(serializeEvent(event));
  }

  /** Sends what `serializeEvent` made: one text for many clients. Waits and throws as `send`. */
  async sendSerialized(text: string): Promise<void> {
    ensureCoroutine("events.send");
    this.#requireOpen();
    while (this.#pending.length >= MAX_PENDING_CHARACTERS) {
      await suspend<void>("events.send", (resume) => {
        this.#senders.add(resume);
        return () => void this.#senders.delete(resume);
      });
      this.#requireOpen();
    }
    this.#append(text);
  }

  /** Whether nothing can be sent any more. */
  get ended(): boolean {
    return this.#ended;
  }

  #requireOpen(): void {
    if (!this.#ended) return;
    const error = new ClosedError("the event stream");
    if (TRACE) misused(this, "send", error);
    throw error;
  }

  #append(text: string): void {
    this.#pending += text;
    this.#lastSentMs = monotonicMs();
    this.#wakeTaker();
  }

  #wakeTaker(): void {
    const wake = this.#taker;
    this.#taker = undefined;
    wake?.();
  }

  #wakeSenders(): void {
    const waiting = [...this.#senders];
    this.#senders.clear();
    for (const wake of waiting) wake();
  }

  /** For the stream: how long nothing was sent. */
  silentMs(): number {
    return monotonicMs() - this.#lastSentMs;
  }

  /** For the stream: sends a comment, unless the client has yet to take what is pending. */
  beat(): void {
    this.#append(this.#pending === "" ? HEARTBEAT : "");
  }

  /** For the stream: waits for text to send; `undefined` at the end. */
  async take(): Promise<string | undefined> {
    if (this.#pending === "" && !this.#ended) {
      await suspend<void>("event stream", (resume) => {
        this.#taker = resume;
        return () => {
          this.#taker = undefined;
        };
      });
    }
    const text = this.#pending;
    this.#pending = "";
    this.#wakeSenders();
    return text === "" ? undefined : text;
  }

  /** For the stream: nothing more is sent. What is pending still is. */
  end(): void {
    this.#ended = true;
    this.#wakeTaker();
    this.#wakeSenders();
  }
}

const LINE_END = /\r\n|\r|\n/;

/**
 * An event as text of the stream, its empty line included.
 *
 * @throws TypeError for a value of another kind, or an `id` or `event` that would end its line; RangeError for `retryMs`.
 * @example serializeEvent({ event: "comment", data: "a\nb", id: "7" }) // "event: comment\nid: 7\ndata: a\ndata: b\n\n"
 */
export function serializeEvent({ data, event, id, retryMs }: ServerSentEvent): string {
  let text = "";
  if (event !== undefined) text += `event: ${checkLine("event", event, /[\r\n]/)}\n`;
  if (id !== undefined) text += `id: ${checkLine("id", id, /[\r\n\0]/)}\n`;
  if (retryMs !== undefined) {
    if (!Number.isSafeInteger(retryMs) || retryMs < 0) {
      throw new RangeError(`Cannot send an event: found retryMs ${retryMs}, wanted a whole number from 0`);
    }
    text += `retry: ${retryMs}\n`;
  }
  if (data !== undefined) {
    if (typeof data !== "string")
      throw new TypeError(`Cannot send an event: found data of type ${typeof data}, wanted text`);
    for (const line of data.split(LINE_END)) text += `data: ${line}\n`;
  }
  return `${text}\n`;
}

function checkLine(name: string, value: string, forbidden: RegExp): string {
  if (typeof value === "string" && !forbidden.test(value)) return value;
  throw new TypeError(`Cannot send an event: found ${name} ${JSON.stringify(value)}, wanted text of one line`);
}
