/**
 * Mutated requests for Lunet's parser and for that of `node:http` (llhttp). Whatever the bytes, about each message
 *
 * - both read the same: method, target, version, fields, content, trailers and end;
 * - or neither reads it whole;
 * - or the disagreement has an explanation, which names a case of the conformance table.
 *
 * A comparison ends with the first message that closes the connection, offers another protocol, or is disagreed about.
 */
import type { Observed, ObservedMessage } from "../conformance/http/observe.ts";
import { observe } from "../conformance/http/observe.ts";
import { mutate } from "./mutated-requests.ts";
import { explain, type Disagreement } from "./node-disagreements.ts";
import { NodeReader, type NodeMessage, type NodeReading } from "./node-reader.ts";
import { Random } from "./random.ts";

export interface DifferentialReport {
  readonly requests: number;
  /** Messages that both read, and read the same. */
  readonly messages: number;
  /** How often each case explains a disagreement. */
  readonly explained: ReadonlyMap<string, number>;
}

/** Runs `count` mutated requests. Throws at the first disagreement that has no explanation. */
export async function fuzzAgainstNode(seed: number, count: number): Promise<DifferentialReport> {
  const random = new Random(seed);
  const reader = new NodeReader();
  const explained = new Map<string, number>();
  let messages = 0;
  const { stackTraceLimit } = Error;
  // Half of the requests are refused, and a stack costs more than the refusal.
  Error.stackTraceLimit = 0;
  try {
    for (let request = 0; request < count; request++) {
      const text = mutate(random);
      const bytes = Buffer.from(text, "latin1");
      const ours = observe(bytes, []);
      const compared = compare(text, ours, await reader.read(bytes));
      messages += compared.same;
      if (compared.disagreement === undefined) continue;
      const explanation = explain(compared.disagreement);
      if (explanation === undefined) {
        const { kind, code } = compared.disagreement;
        const found = `${kind} (${code}): ${JSON.stringify(compared.disagreement.text)}; lunet: ${ours.refusal?.message}`;
        throw new Error(`Cannot explain a disagreement (FUZZ_SEED=${seed} FUZZ_COUNT=${request + 1}): ${found}`);
      }
      explained.set(explanation.because, (explained.get(explanation.because) ?? 0) + 1);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return { requests: count, messages, explained };
}

function compare(
  text: string,
  ours: Observed,
  theirs: NodeReading,
): { same: number; disagreement: Disagreement | undefined } {
  let start = 0;
  for (let index = 0; ; index++) {
    const message = ours.messages[index];
    const disagreement = disagreeOn(text.slice(start), message, ours, theirs.messages[index], theirs);
    if (disagreement !== undefined) return { same: index, disagreement };
    if (message === undefined || message.end === -1) return { same: index, disagreement: undefined };
    start = message.end;
    const { keepAlive, upgrades, method } = message.head;
    if (!keepAlive || upgrades.length > 0 || method === "CONNECT") return { same: index + 1, disagreement: undefined };
  }
}

function disagreeOn(
  text: string,
  ours: ObservedMessage | undefined,
  all: Observed,
  theirs: NodeMessage | undefined,
  reading: NodeReading,
): Disagreement | undefined {
  const isOurs = ours !== undefined && ours.end !== -1;
  const isTheirs = theirs?.isWhole === true;
  if (isOurs && isTheirs) return isSame(ours, theirs) ? undefined : { kind: "differs", code: "", text };
  if (isOurs) {
    const { refusal } = reading;
    return { kind: refusal === undefined ? "node waits" : "node refuses", code: refusal ?? "", text };
  }
  if (!isTheirs) return undefined;
  const { refusal } = all;
  return { kind: refusal === undefined ? "lunet waits" : "node accepts", code: refusal?.code ?? "", text };
}

function isSame({ head, content, trailers }: ObservedMessage, theirs: NodeMessage): boolean {
  const ours = [head.method, head.target, head.minor, head.fieldLines(), content, trailers ?? []];
  const { method, target, minor, fields, content: theirContent, trailers: theirTrailers } = theirs;
  return JSON.stringify(ours) === JSON.stringify([method, target, minor, fields, theirContent, theirTrailers]);
}
