/**
 * One source of events for many event streams.
 *
 * The last events are kept, once, for all: each stream follows them with a place of its own. So memory does not grow with
 * the clients, however slow they are; one that falls further behind than what is kept has missed something, and
 * `whenBehind` says what becomes of it. A browser that connects again goes on behind the event that it saw last.
 *
 * Ids are the channel's: a word that is new in every process, and a number. So an id from before a restart, or from another
 * process, is known as one that nothing can be said about.
 */
import { randomBytes } from "node:crypto";
import { suspend } from "../../co/mod.ts";
import { serializeEvent, type EventSender, type ServerSentEvent } from "./event-stream.ts";

/** How many events a channel keeps, unless it is told otherwise. */
export const DEFAULT_MAX_KEPT_EVENTS = 1_000;
/** How many characters of events a channel keeps, unless it is told otherwise. */
export const DEFAULT_MAX_KEPT_CHARACTERS = 1_048_576;
/** Events are handed to a stream together, up to here. */
const BATCH_CHARACTERS = 16_384;

/** What a channel keeps, and how it treats clients that cannot follow. */
export interface EventChannelOptions {
  /** Events, 1 to 1,000,000. Default 1,000. */
  readonly maxKeptEvents?: number;
  /** Characters of all kept events together, 1 to 1,073,741,824. The newest event is kept whatever its length. Default 1,048,576. */
  readonly maxKeptCharacters?: number;
  /**
   * What becomes of a client that is so slow that events were dropped which it has not had: `"end"` ends its stream, so that
   * its browser connects again; `"skip"` goes on with the newest. Default `"end"`.
   */
  readonly whenBehind?: "end" | "skip";
  /**
   * Sent to a client that has missed events, here or while it was away, before it goes on with the newest: it is to load anew
   * what it shows. Default: nothing is said.
   */
  readonly gap?: ServerSentEvent;
}

/**
 * Events that go to every client that follows.
 *
 * @example
 * ```ts
 * import { empty, eventStream, EventChannel, Router } from "lunet/http";
 * const comments = new EventChannel({ gap: { event: "reload", data: "" } });
 * const router = new Router();
 * router.get("/comments", (request) => eventStream(request, (events) => comments.forward(events)));
 * router.post("/comments", async (request) => {
 *   comments.publish({ event: "comment", data: await request.text() });
 *   return empty();
 * });
 * ```
 */
export class EventChannel {
  readonly #maxEvents: number;
  readonly #maxCharacters: number;
  readonly #whenBehind: "end" | "skip";
  readonly #gap: string | undefined;
  readonly #word = randomBytes(6).toString("base64url");
  /** The kept events as text, by their numbers: those from `#first` up to `#next`. */
  readonly #kept = new Map<number, string>();
  #first = 1;
  #keptCharacters = 0;
  #followers = 0;
  readonly #waiting = new Set<() => void>();

  /** @throws RangeError for options out of range; as `serializeEvent` for `gap`. */
  constructor(options: EventChannelOptions = {}) {
    const { maxKeptEvents = DEFAULT_MAX_KEPT_EVENTS, maxKeptCharacters = DEFAULT_MAX_KEPT_CHARACTERS } = options;
    this.#maxEvents = checkCount("maxKeptEvents", maxKeptEvents, 1_000_000);
    this.#maxCharacters = checkCount("maxKeptCharacters", maxKeptCharacters, 1_073_741_824);
    const { whenBehind = "end", gap } = options;
    if (whenBehind !== "end" && whenBehind !== "skip") {
      throw new RangeError(`Cannot make a channel: found whenBehind "${String(whenBehind)}", wanted "end" or "skip"`);
    }
    this.#whenBehind = whenBehind;
    this.#gap = gap === undefined ? undefined : serializeEvent(gap);
  }

  /** How many streams follow. */
  get followers(): number {
    return this.#followers;
  }

  /** How many events are kept. */
  get keptEvents(): number {
    return this.#kept.size;
  }

  /** The number of the event that will be published next. */
  get #next(): number {
    return this.#first + this.#kept.size;
  }

  /**
   * Sends an event to all that follow. It never waits.
   *
   * @returns The event's id.
   * @throws As `serializeEvent`.
   */
  publish(event: Omit<ServerSentEvent, "id">): string {
    const number = this.#next;
    const id = `${this.#word}-${number}`;
    const text = serializeEvent({ ...event, id });
    this.#kept.set(number, text);
    this.#keptCharacters += text.length;
    while (this.#kept.size > this.#maxEvents || (this.#keptCharacters > this.#maxCharacters && this.#kept.size > 1)) {
      this.#keptCharacters -= (this.#kept.get(this.#first) as string).length;
      this.#kept.delete(this.#first++);
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
    return id;
  }

  /**
   * Sends what is published from now on to an event stream, after what it has missed since `events.lastId`, as the body of
   * `eventStream`. It returns only when the client has fallen behind and `whenBehind` is `"end"`.
   *
   * @throws As `EventSender.send`.
   */
  async forward(events: EventSender): Promise<void> {
    this.#followers++;
    try {
      let next = this.#placeAfter(events.lastId);
      for (;;) {
        if (next === undefined || next < this.#first) {
          if (next !== undefined && this.#whenBehind === "end") return;
          next = this.#next;
          if (this.#gap !== undefined) await events.sendSerialized(this.#gap);
          continue;
        }
        let text = "";
        while (next < this.#next && text.length < BATCH_CHARACTERS) text += this.#kept.get(next++) as string;
        if (text === "") await this.#published();
        else await events.sendSerialized(text);
      }
    } finally {
      this.#followers--;
    }
  }

  /** The number of the event behind the one with this id; `undefined` when events between them may be missing. */
  #placeAfter(lastId: string | undefined): number | undefined {
    if (lastId === undefined) return this.#next;
    const prefix = `${this.#word}-`;
    const number = lastId.startsWith(prefix) ? lastId.slice(prefix.length) : "";
    if (!/^[1-9][0-9]{0,15}$/.test(number)) return undefined;
    const next = Number(number) + 1;
    return next >= this.#first && next <= this.#next ? next : undefined;
  }

  #published(): Promise<void> {
    return suspend<void>("event channel", (resume) => {
      this.#waiting.add(resume);
      return () => void this.#waiting.delete(resume);
    });
  }
}

function checkCount(name: string, count: number, max: number): number {
  if (Number.isSafeInteger(count) && count >= 1 && count <= max) return count;
  throw new RangeError(`Cannot make a channel: found ${name} ${count}, wanted a whole number from 1 to ${max}`);
}
