/**
 * Live events: what changes about articles, told to whoever looks at them (`GET /api/events`).
 *
 *   streams ─ follow ─► slugs ◄─ look, once a second ─ watcher ─► database
 *
 * Rules:
 * - All looking is the watcher's, for all streams of the process together, one look after the other. So nothing older ever takes
 *   the place of something newer, and a thousand streams cost what their different articles cost.
 * - Nothing is asked while nobody follows, nor, where the database tells its version, while it is the same.
 * - A stream begins with what a look found that began after it came: whoever has loaded the page before has missed nothing.
 * - A stream keeps what it has sent of each article, and no queue: a slow client gets the newest, and less often.
 * - While the database is away streams are silent. The first look that succeeds tells what has changed meanwhile.
 */
import { randomInt } from "node:crypto";
import { Cancelled, DeadlineError, suspend, withDeadline } from "lunet";
import type { Database, Statement } from "lunet/db";
import { eventStream, serializeEvent, type EventSender, type Reply } from "lunet/http";
import { monotonicMs } from "lunet/time";
import { Type } from "typebox";
import { ApiError, notFound } from "./errors.ts";
import { isoTime } from "./iso-time.ts";
import type { Call } from "./route.ts";
import { lookupText } from "./validation.ts";

/** How many articles a stream may follow. */
export const MAX_FOLLOWED = 20;
/** How many streams a process keeps open, unless it is told otherwise. */
export const DEFAULT_EVENT_STREAMS = 1_000;

/** How often the watcher looks. */
export const LOOK_EVERY_MS = 1_000;
/** How long a look may take; what hangs for longer is tried again. */
const LOOK_LIMIT_MS = 5_000;
/** Browsers whose server has ended come again at different times, in milliseconds. */
const RETRY_MS = [1_000, 5_000] as const;

/** Of so many articles the database is asked at once; what is left of a statement's places is filled up. */
const STATEMENT_SIZES = [1, MAX_FOLLOWED, 200] as const;
/** No article has it. */
const NO_SLUG = "";

/** The newest comment is one step in the index of the article's comments, however many there are. */
function statementOf(size: number): string {
  return `SELECT a.slug, a.favorites_count, a.updated_at, (
      SELECT c.id FROM comments c WHERE c.article_id = a.id ORDER BY c.created_at DESC, c.id DESC LIMIT 1
    ) FROM articles a WHERE a.slug IN (${Array(size).fill("?").join(", ")})`;
}

type StateRow = [slug: string, favoritesCount: number, updatedAt: number, lastCommentId: number | null];

/** For the documentation. */
export const EventStream = Type.String({
  description:
    'Events: `article`, with data `{"slug", "favoritesCount", "lastCommentId": number or null, "updatedAt"}`, at the begin ' +
    'and when one of these has changed; `gone`, with data `{"slug"}`, for an article that is not there any more.',
});

/** An article that somebody follows. */
interface Followed {
  readonly followers: Set<Follower>;
  /** The event that tells how it is, as text of the stream; undefined while nobody has looked, or has found it. */
  event: string | undefined;
  isGone: boolean;
}

/** Where one coroutine waits until another wakes it. */
class Waker {
  #resume: (() => void) | undefined;

  wait(operation: string): Promise<void> {
    return suspend<void>(operation, (resume) => {
      this.#resume = resume;
      return () => {
        this.#resume = undefined;
      };
    });
  }

  wake(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }
}

/** A stream. */
interface Follower {
  readonly slugs: readonly string[];
  readonly waker: Waker;
}

export interface ArticleEventsOptions {
  /** How many streams are open at most; 0 for none at all. Default 1,000. */
  readonly maxStreams?: number | undefined;
  /** Told once when looking begins to fail. */
  readonly onFailure: (error: unknown) => void;
}

/** The streams of a process, and their watcher. */
export class ArticleEvents {
  readonly #database: Database;
  readonly #statements: readonly Statement[];
  readonly #maxStreams: number;
  readonly #onFailure: (error: unknown) => void;
  /** By slug. */
  readonly #followed = new Map<string, Followed>();
  /** Streams that wait for their first look. */
  readonly #newcomers = new Set<Follower>();
  #streams = 0;
  /** The database's at the begin of the last look at everything. */
  #version: number | undefined;
  #nextLookMs = 0;
  readonly #watcher = new Waker();

  constructor(database: Database, { maxStreams = DEFAULT_EVENT_STREAMS, onFailure }: ArticleEventsOptions) {
    this.#database = database;
    this.#statements = STATEMENT_SIZES.map((size) => database.prepare(statementOf(size)));
    this.#maxStreams = maxStreams;
    this.#onFailure = onFailure;
  }

  /** The handler. It reads nothing itself, so that a stream begins also while the database is away. */
  readonly follow = (call: Call<"none">): Reply => {
    if (this.#maxStreams === 0) throw notFound("route");
    const asked = call.request.queries.getAll("slug");
    if (asked.length === 0) throw new ApiError(422, { slug: ["can't be blank"] });
    if (asked.length > MAX_FOLLOWED) {
      throw new ApiError(422, { slug: [`is too long (maximum is ${MAX_FOLLOWED} items)`] });
    }
    if (this.#streams >= this.#maxStreams) throw new ApiError(503, { server: ["is busy"] });
    const slugs = [...new Set(asked.map((slug) => lookupText(slug).normalize("NFC")))];
    return eventStream(call.request, (events) => this.#tell(events, slugs), { retryMs: randomInt(...RETRY_MS) });
  };

  /** Looks for all streams, until it is cancelled. The program spawns it once. */
  async watch(): Promise<never> {
    let isFailing = false;
    for (;;) {
      await this.#waitForWork(isFailing);
      try {
        await withDeadline(LOOK_LIMIT_MS, () => this.#look());
        isFailing = false;
      } catch (error) {
        if (error instanceof Cancelled) throw error;
        if (!isFailing) this.#onFailure(error);
        isFailing = true;
      }
    }
  }

  /** Returns when a look is due, or a stream has come. While looks fail, streams that come do not make them more. */
  async #waitForWork(isFailing: boolean): Promise<void> {
    for (;;) {
      const leftMs = this.#nextLookMs - monotonicMs();
      if (this.#streams === 0) await this.#watcher.wait("live events: somebody to follow");
      else if (leftMs <= 0 || (this.#newcomers.size > 0 && !isFailing)) return;
      else await withinOrLater(leftMs, () => this.#watcher.wait("live events: the next look"));
    }
  }

  /** Looks at everything when that is due, and else at what has just been asked for. */
  async #look(): Promise<void> {
    const isDue = monotonicMs() >= this.#nextLookMs;
    if (isDue) this.#nextLookMs = monotonicMs() + LOOK_EVERY_MS;
    const version = this.#database.dataVersion();
    const isWhole = isDue && (version === undefined || version !== this.#version);
    const newcomers = [...this.#newcomers];
    await this.#read(isWhole ? [...this.#followed.keys()] : [...new Set(newcomers.flatMap(({ slugs }) => slugs))]);
    if (isWhole) this.#version = version;
    for (const newcomer of newcomers) {
      this.#newcomers.delete(newcomer);
      newcomer.waker.wake();
    }
  }

  async #read(slugs: readonly string[]): Promise<void> {
    const most = STATEMENT_SIZES.at(-1) as number;
    for (let at = 0; at < slugs.length; at += most) {
      const some = slugs.slice(at, at + most);
      const fits = STATEMENT_SIZES.findIndex((size) => size >= some.length);
      const filling = Array<string>((STATEMENT_SIZES[fits] as number) - some.length).fill(NO_SLUG);
      const rows = await (this.#statements[fits] as Statement).queryRows<StateRow>([...some, ...filling]);
      const bySlug = new Map(rows.map((row) => [row[0], row]));
      for (const slug of some) this.#take(slug, bySlug.get(slug));
    }
  }

  /** What was found of an article. Nobody may follow it any more. */
  #take(slug: string, row: StateRow | undefined): void {
    const followed = this.#followed.get(slug);
    if (followed === undefined || (row === undefined && followed.event === undefined)) return;
    const event = row === undefined ? goneEvent(slug) : articleEvent(row);
    if (event === followed.event) return;
    followed.event = event;
    followed.isGone = row === undefined;
    for (const follower of followed.followers) follower.waker.wake();
  }

  /** A stream, from its begin to its end. */
  async #tell(events: EventSender, slugs: readonly string[]): Promise<void> {
    // Many may have come since the handler has looked.
    if (this.#streams >= this.#maxStreams) return;
    const follower = { slugs, waker: new Waker() };
    this.#join(follower);
    try {
      const sent = new Map<string, string>();
      for (;;) {
        const text = this.#newsFor(follower, sent);
        if (text !== "") await events.sendSerialized(text);
        else await follower.waker.wait("live events: news");
      }
    } finally {
      this.#leave(follower);
    }
  }

  #join(follower: Follower): void {
    this.#streams++;
    this.#newcomers.add(follower);
    for (const slug of follower.slugs) {
      const followed = this.#followed.get(slug) ?? { followers: new Set(), event: undefined, isGone: false };
      this.#followed.set(slug, followed);
      followed.followers.add(follower);
    }
    this.#watcher.wake();
  }

  #leave(follower: Follower): void {
    this.#streams--;
    this.#newcomers.delete(follower);
    for (const slug of follower.slugs) {
      const followed = this.#followed.get(slug);
      followed?.followers.delete(follower);
      if (followed?.followers.size === 0) this.#followed.delete(slug);
    }
  }

  /** The events that a stream has not sent, which then count as sent. */
  #newsFor(follower: Follower, sent: Map<string, string>): string {
    let text = "";
    if (this.#newcomers.has(follower)) return text;
    for (const slug of follower.slugs) {
      const { event, isGone } = this.#followed.get(slug) as Followed;
      // Of an article that was never there for this stream nothing is said.
      if (event === undefined || event === sent.get(slug) || (isGone && !sent.has(slug))) continue;
      sent.set(slug, event);
      text += event;
    }
    return text;
  }
}

function articleEvent([slug, favoritesCount, updatedAt, lastCommentId]: StateRow): string {
  const state = { slug, favoritesCount, lastCommentId, updatedAt: isoTime(updatedAt) };
  return serializeEvent({ event: "article", data: JSON.stringify(state) });
}

function goneEvent(slug: string): string {
  return serializeEvent({ event: "gone", data: JSON.stringify({ slug }) });
}

/** Waits for what `wait` waits for, but not for longer. */
async function withinOrLater(limitMs: number, wait: () => Promise<void>): Promise<void> {
  try {
    await withDeadline(limitMs, wait);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
  }
}
