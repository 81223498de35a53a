/**
 * Mutated requests for the whole server, over connections in memory, many at once. Whatever the bytes:
 *
 * - every connection ends, once its client has shut down its side;
 * - what the server sends is a sequence of whole replies, none of them 5xx but 501 (a coding or CONNECT) and 505 (a version);
 * - nothing fails: neither the server nor its handler is reported to `onFailure`.
 *
 * `FUZZ_SEED` repeats a run, `FUZZ_COUNT` sets its length. One request in four arrives in pieces.
 */
import { scope, withDeadline } from "../../packages/lunet/src/co/mod.ts";
import type { Handler, HttpRequest, Reply, ReplyContent } from "../../packages/lunet/src/http/mod.ts";
import { ConnectionServer } from "../../packages/lunet/src/http/server.ts";
import { METHOD_FIELD, readReplies } from "../conformance/http/replies.ts";
import { mutate } from "./mutated-requests.ts";
import { Random } from "./random.ts";
import { ScriptedClient } from "./scripted-client.ts";

/** Connections at once. */
const BATCH = 64;
/** How long a batch may take: a connection that does not end would take for ever. */
const BATCH_TIMEOUT_MS = 20_000;
/** Every so many connections the replies are read in full; the others are searched for statuses. */
const READ_EVERY = 16;
const ALLOWED_5XX = new Set([501, 505]);
const FIELDS_FOR_HEAD = { [METHOD_FIELD]: "HEAD" };
const STATUS = /HTTP\/1\.1 (\d{3}) /g;

export interface ServerFuzzReport {
  readonly requests: number;
  /** How many replies had which status. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** How a run is told of. */
export type Progress = (requests: number) => void;

/** Runs `count` mutated requests, each on a connection of its own. Throws at the first that breaks a rule. */
export async function fuzzServer(
  seed: number,
  count: number,
  progress: Progress = () => {},
): Promise<ServerFuzzReport> {
  const random = new Random(seed);
  const statuses = new Map<number, number>();
  const failures: unknown[] = [];
  const serving = new ConnectionServer(handler, {
    onFailure: (error) => failures.push(error),
    errorReply: (error, request) => replyTo(request, `${error.code}\n`, error.status),
    // The loop is late because of the fuzzer, which is all that it does.
    limits: { maxLoopDelayMs: 0, maxRequestsInFlight: 1_000_000 },
  });
  const { stackTraceLimit } = Error;
  // Half of the requests are refused, and a stack costs more than the refusal.
  Error.stackTraceLimit = 0;
  try {
    for (let done = 0; done < count; done += BATCH) {
      const texts = Array.from({ length: Math.min(BATCH, count - done) }, () => mutate(random));
      try {
        await withDeadline(BATCH_TIMEOUT_MS, () => runBatch(serving, texts, random, statuses));
        if (failures.length > 0) throw failures[0];
      } catch (cause) {
        const repeat = `FUZZ_SEED=${seed} FUZZ_COUNT=${done + texts.length}`;
        throw new Error(`Cannot accept what the server did with one of ${JSON.stringify(texts)} (${repeat})`, {
          cause,
        });
      }
      progress(done + texts.length);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return { requests: count, statuses };
}

/** Replies at once, after the content, without it, or with a stream: by the request's target. */
const handler: Handler = (request) => {
  switch (request.head.target.length % 5) {
    case 1:
      return request.head.hasContent ? readThenReply(request) : replyTo(request, "plain\n");
    case 2:
      return replyTo(request, pieces());
    case 3:
      return { status: 204 };
    case 4:
      return readThenReply(request);
    default:
      return replyTo(request, "unread\n");
  }
};

/** A reply that tells its reader for which method it is: no content follows one to HEAD. */
function replyTo(request: HttpRequest | undefined, content: ReplyContent, status = 200): Reply {
  return { status, fields: request?.method === "HEAD" ? FIELDS_FOR_HEAD : {}, content };
}

async function readThenReply(request: HttpRequest): Promise<Reply> {
  return replyTo(request, `${(await request.bytes()).length} bytes\n`);
}

async function* pieces(): AsyncGenerator<string> {
  yield "some ";
  yield "pieces\n";
}

async function runBatch(
  serving: ConnectionServer,
  texts: readonly string[],
  random: Random,
  statuses: Map<number, number>,
): Promise<void> {
  const clients = texts.map((text) => new ScriptedClient(piecesOf(Buffer.from(text, "latin1"), random)));
  // The scope waits for the coroutines of all connections.
  await scope(() => {
    for (const client of clients) serving.start(client.connection);
  });
  for (const [index, { sent, isClosed }] of clients.entries()) {
    const text = texts[index];
    if (!isClosed) throw new Error(`found the connection open that brought ${JSON.stringify(text)}`);
    const seen =
      index % READ_EVERY === 0 ? readInFull(sent) : [...sent.matchAll(STATUS)].map(([, found]) => Number(found));
    for (const status of seen) {
      if (status >= 500 && !ALLOWED_5XX.has(status))
        throw new Error(`found status ${status} for ${JSON.stringify(text)}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }
}

function piecesOf(bytes: Buffer, random: Random): Uint8Array[] {
  if (random.below(4) > 0) return [bytes];
  const cut = random.below(bytes.length + 1);
  return [bytes.subarray(0, cut), bytes.subarray(cut)].filter((piece) => piece.length > 0);
}

/** The statuses of replies that are read by their framing. */
function readInFull(sent: string): number[] {
  const { replies, rest } = readReplies(sent, true);
  if (rest !== "") throw new Error(`found no reply in ${JSON.stringify(rest)}, after ${replies.length}`);
  return replies.map(({ status }) => status);
}
