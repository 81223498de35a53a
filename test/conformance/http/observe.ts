/**
 * Runs a parser over bytes that are cut at given places and writes down what it says, so that runs can be compared.
 *
 * Every entry names how many bytes the parser had used up, which no cut may change. Pieces of content are joined. A
 * refusal counts as seen at the end of the piece that brought it.
 */

import type { HttpErrorCode } from "../../../packages/lunet/src/http/http-error.ts";
import { HttpError } from "../../../packages/lunet/src/http/http-error.ts";
import { defaultMessageLimits, type MessageLimits } from "../../../packages/lunet/src/http/limits.ts";
import type { ParserState } from "../../../packages/lunet/src/http/request-parser.ts";
import { MessageEnd, NEED_DATA, RequestHead, RequestParser } from "../../../packages/lunet/src/http/request-parser.ts";

const MAX_EVENTS = 2;

export interface ObservedMessage {
  readonly head: RequestHead;
  content: string;
  trailers: ReadonlyArray<readonly [name: string, value: string]> | undefined;
  /** Bytes of the stream used up by the head, and by the whole message; -1 while it is not complete. */
  readonly headEnd: number;
  end: number;
}

export interface Observed {
  readonly messages: ObservedMessage[];
  refusal: { status: number; code: HttpErrorCode; message: string } | undefined;
  /** Bytes that had been pushed when the refusal came. */
  refusedAt: number;
  state: ParserState;
}

/** Pushes `bytes` in pieces that end at `cuts`, which ascend, and at the end. An error other than `HttpError` escapes. */
export function observe(bytes: Uint8Array, cuts: readonly number[], limits?: Partial<MessageLimits>): Observed {
  const parser = new RequestParser({ ...defaultMessageLimits, ...limits });
  const observed: Observed = { messages: [], refusal: undefined, refusedAt: -1, state: "idle" };
  let pushed = 0;
  try {
    for (let index = 0; index <= cuts.length; index++) {
      const end = cuts[index] ?? bytes.length;
      parser.push(bytes.subarray(pushed, end));
      pushed = end;
      drain(parser, pushed, observed.messages);
    }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    observed.refusal = { status: error.status, code: error.code, message: error.message };
    observed.refusedAt = pushed;
  }
  observed.state = parser.state;
  return observed;
}

function drain(parser: RequestParser, pushed: number, messages: ObservedMessage[]): void {
  let events = 0;
  for (let event = parser.next(); event !== NEED_DATA; event = parser.next()) {
    if (++events > MAX_EVENTS + 2 * pushed) throw new Error("More events than bytes allow");
    const used = pushed - parser.bufferedBytes;
    if (event instanceof RequestHead) {
      const end = event.hasContent ? -1 : used;
      messages.push({ head: event, content: "", trailers: undefined, headEnd: used, end });
      continue;
    }
    const message = messages.at(-1);
    if (message === undefined || message.end !== -1) throw new Error("Content or end without a head");
    if (event instanceof MessageEnd) {
      message.trailers = event.trailers;
      message.end = used;
    } else {
      if (event.length === 0) throw new Error("A piece of content is empty");
      message.content += Buffer.from(event).toString("latin1");
    }
  }
}

/** Everything that two runs over the same bytes must agree on, as plain data. */
export function describe(observed: Observed): unknown {
  return {
    messages: observed.messages.map(({ head, content, trailers, headEnd, end }) => ({
      method: head.method,
      target: head.target,
      minor: head.minor,
      host: head.host,
      contentLength: head.contentLength,
      chunked: head.chunked,
      hasContent: head.hasContent,
      keepAlive: head.keepAlive,
      expectContinue: head.expectContinue,
      expectsUnknown: head.expectsUnknown,
      fields: head.fieldLines(),
      content,
      trailers,
      headEnd,
      end,
    })),
    refusal: observed.refusal,
    state: observed.state,
  };
}
