/**
 * One requirement of the conformance table: bytes, what the parser makes of them, and what a server answers. Bytes are
 * written as latin1 text.
 *
 * A case lists the messages that come out before its end, then how it ends: with a refusal, or in the state the parser
 * is left in (`"idle"` unless it says otherwise). Of a message only what is named is compared.
 */
import type { HttpErrorCode } from "../../../packages/lunet/src/http/http-error.ts";
import type { MessageLimits } from "../../../packages/lunet/src/http/limits.ts";

export interface ExpectedMessage {
  readonly method?: string;
  readonly target?: string;
  readonly minor?: 0 | 1;
  readonly host?: string;
  readonly contentLength?: number;
  readonly chunked?: boolean;
  readonly hasContent?: boolean;
  readonly keepAlive?: boolean;
  readonly expectContinue?: boolean;
  readonly expectsUnknown?: boolean;
  readonly fields?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly content?: string;
  readonly trailers?: ReadonlyArray<readonly [name: string, value: string]>;
}

export type Refusal = readonly [status: number, code: HttpErrorCode];

/** What is asked of a field of the first final reply: a pattern that it matches, or null for its absence. */
export type ReplyField = readonly [name: string, wanted: RegExp | null];

export interface Entry {
  /** Unique in the table. */
  readonly name: string;
  /** Cases of one row are published as one, which passes when all of them do. */
  readonly row?: string;
  /** The clause that decides, as "9112 3.2", or the advisory that the case is known from, as "CVE-2023-30589". */
  readonly rule: string;
  /** Why it has to be so, when that is not what its section says. */
  readonly why?: string;
  readonly bytes: string;
  /** Limits other than the default ones; such a case is not run against other servers. */
  readonly limits?: Partial<MessageLimits>;
  readonly messages?: readonly ExpectedMessage[];
  readonly refusal?: Refusal;
  readonly state?: "idle" | "head" | "content";
  /** The refusal comes within the content of the last message, which has no other reply. */
  readonly withinContent?: boolean;
  /**
   * What the server must answer, when it is not what follows from the rest: the statuses of its replies, and then
   * - `open`: a further request is answered;
   * - `closed`: the connection ends, and a further request is not answered;
   * - `waits`: nothing more comes, because the message is not whole.
   *
   * `a|b` allows either, `a?` may be missing: "100? 200 open", "501|400 closed".
   */
  readonly wanted?: string;
  readonly fields?: readonly ReplyField[];
  /** What has to be answered depends on a part that `node:http` has not. */
  readonly lunetOnly?: true;
}

export interface Case extends Entry {
  readonly section: string;
  readonly why: string;
  readonly wanted: string;
}

/** Cases about one thing. */
export interface Section {
  readonly title: string;
  /** Why its cases have to be so. */
  readonly why: string;
  readonly cases: readonly Case[];
}

/** The statuses that may answer a refusal, where standards leave a choice. */
const ALSO_ALLOWED: Readonly<Record<number, string>> = { 501: "501|400", 505: "505|400", 431: "431|400" };

export function section(title: string, why: string, entries: readonly Entry[]): Section {
  const cases = entries.map((entry): Case => ({ why, ...entry, section: title, wanted: wantedOf(entry) }));
  return { title, why, cases };
}

function wantedOf({ wanted, messages = [], refusal, withinContent, state = "idle" }: Entry): string {
  if (wanted !== undefined) return wanted;
  const isUnderWay = withinContent === true || (refusal === undefined && state === "content");
  const answered = "200 ".repeat(isUnderWay ? messages.length - 1 : messages.length);
  if (refusal !== undefined) return `${answered}${ALSO_ALLOWED[refusal[0]] ?? refusal[0]} closed`;
  return answered + (state === "idle" ? "open" : "waits");
}

/** A request that is refused, as one line of a table. */
export type Line = readonly [name: string, rule: string, bytes: string, refusal: Refusal, why?: string];

export function refused([name, rule, bytes, refusal, why]: Line): Entry {
  return { name, rule, bytes, refusal, ...(why === undefined ? {} : { why }) };
}

/** A request that is read, as one line of a table. */
export type SoundLine = readonly [name: string, rule: string, bytes: string, message?: ExpectedMessage, why?: string];

export function sound([name, rule, bytes, message = {}, why]: SoundLine): Entry {
  return { name, rule, bytes, messages: [message], ...(why === undefined ? {} : { why }) };
}
