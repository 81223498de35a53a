/** Compares what was seen with what a case wants, and says both in the words of the table. */
import type { Case } from "./case.ts";
import type { Seen } from "./converse.ts";
import type { SeenReply } from "./replies.ts";

export interface Verdict {
  /** As `Entry.wanted`, with what is wrong in brackets behind it. */
  readonly seen: string;
  readonly passes: boolean;
}

export function judge(item: Case, seen: Seen): Verdict {
  const statuses = seen.replies.map(({ status }) => status);
  const faults = [...echoFaults(item, seen.replies), ...fieldFaults(item, seen.replies)];
  if (seen.rest !== "") faults.push("and bytes that are no reply");
  const words = [...shorten(statuses), seen.end].join(" ");
  return {
    seen: faults.length === 0 ? words : `${words} (${faults.join("; ")})`,
    passes: matches(item.wanted, statuses, seen.end) && faults.length === 0,
  };
}

/** Whether statuses and an end are what `wanted` allows. */
export function matches(wanted: string, statuses: readonly number[], end: Seen["end"]): boolean {
  const words = wanted.split(" ");
  const isEnd = words.pop()?.split("|").includes(end) === true;
  const pattern = words.map((word) => {
    const allowed = word.replaceAll("?", "");
    return `(?:(?:${allowed}) )${word.endsWith("?") ? "?" : ""}`;
  });
  return isEnd && new RegExp(`^${pattern.join("")}$`).test(statuses.map((status) => `${status} `).join(""));
}

/** Many equal ones in a row as one with their number. */
function shorten(statuses: readonly number[]): string[] {
  if (statuses.length > 8 && new Set(statuses).size === 1) return [`${statuses[0]} (${statuses.length} times)`];
  return statuses.map(String);
}

/** Where the application was told something else than the case's messages. */
function echoFaults({ messages = [], refusal, state, withinContent }: Case, replies: readonly SeenReply[]): string[] {
  const isUnderWay = withinContent === true || (refusal === undefined && state === "content");
  const whole = isUnderWay ? messages.slice(0, -1) : messages;
  const final = replies.filter(({ status }) => status >= 200);
  return whole.flatMap((message, index) => {
    const reply = final[index];
    if (reply === undefined || reply.status !== 200 || reply.content === "" || !reply.fields.has("x-method")) return [];
    const [, method, target, content] = /^(\S+) (.*)\n([^]*)$/.exec(reply.content) ?? [];
    // An answer that is no echo is one to a path that has its own.
    if (method === undefined) return [];
    const isRight =
      (message.method ?? method) === method &&
      (message.target ?? target) === target &&
      (message.content ?? content) === content;
    return isRight ? [] : [`read as ${method} ${target} with ${content?.length ?? 0} bytes`];
  });
}

function fieldFaults({ fields = [] }: Case, replies: readonly SeenReply[]): string[] {
  const first = replies.find(({ status }) => status >= 200);
  if (first === undefined) return [];
  return fields.flatMap(([name, wanted]) => {
    const found = first.fields.get(name);
    if (wanted === null) return found === undefined ? [] : [`with ${name}`];
    if (found === undefined) return [`without ${name}`];
    return wanted.test(found) ? [] : [`${name} is ${found}`];
  });
}
