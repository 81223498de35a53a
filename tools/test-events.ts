import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** What one test came to, as `test-file.ts` reads it: one JSON object per line. */
export interface TestOutcome {
  readonly outcome: "passed" | "failed" | "skipped";
  /** The names from the outermost group to the test itself. */
  readonly path: readonly string[];
  readonly durationMs: number;
  /** `file:line` of the test, when it is known. */
  readonly place: string;
  /** The whole error of a failed test, or the reason a skipped one gives. */
  readonly detail: string;
}

/** The runner's words for an error thrown after its test ended: it only mentions it, here it is a failure. */
const LATE_ACTIVITY = "asynchronous activity after the test ended";

/**
 * A reporter for `node --test-reporter`: one line of JSON for each test that ended. Groups have no line of their
 * own unless they fail by themselves, in a hook for example.
 */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const names: string[] = [];
  for await (const { type, data } of source) {
    if (type === "test:start") names.length = data.nesting;
    if (type === "test:start") names[data.nesting] = data.name;
    if (type === "test:diagnostic" && data.message.includes(LATE_ACTIVITY)) {
      const place = data.file === undefined ? "" : `${data.file}:${data.line ?? 1}`;
      yield line({ path: ["(after its end)"], durationMs: 0, place, outcome: "failed", detail: data.message });
    }
    if (type !== "test:pass" && type !== "test:fail") continue;
    const path = [...names.slice(0, data.nesting), data.name];
    const place = data.file === undefined ? "" : `${data.file}:${data.line ?? 1}`;
    const base = { path, durationMs: data.details.duration_ms, place };
    if (data.skip !== undefined || data.todo !== undefined) {
      yield line({ ...base, outcome: "skipped", detail: `${data.skip || data.todo || "no reason given"}` });
    } else if (type === "test:fail") {
      const error = data.details.error as Error & { failureType?: string };
      if (error.failureType === "subtestsFailed") continue;
      yield line({ ...base, outcome: "failed", detail: describe(error) });
    } else if (data.details.type !== "suite") {
      yield line({ ...base, outcome: "passed", detail: "" });
    }
  }
}

function line(outcome: TestOutcome): string {
  return `${JSON.stringify(outcome)}\n`;
}

/** The runner wraps what the test threw; the cause is what the reader wants, unless there is none. */
function describe(error: Error): string {
  return inspect(error.cause instanceof Error ? error.cause : error, { depth: 6 });
}
