/*
 * Walks the whole Conduit API of a running server: `node tools/test-api.ts [BASE_URL]`.
 *
 * One line for each step, `ok` or `FAIL` with what was found; every exchange goes to
 * `.tmp/logs/YYYYMMDD_HHMMSS/api.log`. Status: 0 all steps passed, 1 one failed, 2 nothing listens.
 */
import { appendFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ApiSession, REQUEST_TIMEOUT_MS } from "./api-session.ts";
import { walkApi } from "./api-walk.ts";
import { createStampedFolder } from "./log-folder.ts";

const base = process.argv[2] ?? "http://127.0.0.1:8080";
const refusal = await whyNot(base);
if (refusal !== undefined) {
  console.error(`Cannot test "${base}": ${refusal}; start the server with: make start`);
  process.exitCode = 2;
} else {
  const log = join(createStampedFolder(join(import.meta.dirname, "..", ".tmp", "logs")), "api.log");
  const record = (text: string) => appendFileSync(log, text);
  const print = (line: string) => {
    console.log(line);
    record(`${line}\n`);
  };
  const session = new ApiSession(base, print, record);
  await walkApi(session);
  console.log(`log: ${relative(process.cwd(), log)}`);
  print(`${session.passed} passed, ${session.failures.length} failed`);
  process.exitCode = session.failures.length === 0 ? 0 : 1;
}

/** Why the server cannot be asked at all, or undefined when it answers anything. */
async function whyNot(url: string): Promise<string | undefined> {
  if (!URL.canParse(url)) return "found no URL, wanted one like http://127.0.0.1:8080";
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    await reply.arrayBuffer();
    return undefined;
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    return name === "TimeoutError"
      ? `no answer within ${REQUEST_TIMEOUT_MS} ms`
      : `nothing listens (${cause?.code ?? name})`;
  }
}
