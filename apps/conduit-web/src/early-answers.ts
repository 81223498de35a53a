/** Answers that were asked for before there was a page to show them. Each is taken once, by the load that would ask for it, or never. */
import type { Ask } from "./asks.ts";
import { token } from "./token.ts";

const answers = new Map<string, Promise<unknown>>();

export function askEarly({ key, ask }: Ask<unknown>): Promise<unknown> {
  const answer = ask(new AbortController().signal);
  answers.set(nameOf(key), answer);
  return answer;
}

export function takeEarly(key: string): Promise<unknown> | undefined {
  const name = nameOf(key);
  const answer = answers.get(name);
  answers.delete(name);
  return answer;
}

/** What the first page has not taken is of no use later. */
export function dropEarly(): void {
  answers.clear();
}

/** An answer is for who asked. */
function nameOf(key: string): string {
  return `${token.peek()} ${key}`;
}
