/*
 * Runs the fuzzers one after the other, as `make fuzz` does: `node test/fuzz/run.ts [server] [parser] [node-http]`.
 *
 * The server gets FUZZ_COUNT requests (1,000,000 unless given); its parser, which reads each of them several times, and the
 * comparison with node:http get a tenth of that. FUZZ_SEED repeats a run. Prints how far it is every few seconds, and in the
 * end what was answered. The status is 0, or 1 after the first request that breaks a rule.
 */
import { run, until } from "../../packages/lunet/src/co/mod.ts";
import { monotonicMs } from "../../packages/lunet/src/time/mod.ts";
import { fuzzAgainstNode } from "./node-http.fuzz.ts";
import { chooseSeed } from "./random.ts";
import { fuzzRequestParser } from "./request-parser.fuzz.ts";
import { fuzzServer } from "./server.fuzz.ts";

const DEFAULT_COUNT = 1_000_000;
const PROGRESS_MS = 10_000;

const FUZZERS: Readonly<Record<string, (seed: number, count: number) => Promise<string[]>>> = {
  server: async (seed, count) => {
    const startedMs = monotonicMs();
    let saidMs = startedMs;
    const { statuses } = await fuzzServer(seed, count, (requests) => {
      const nowMs = monotonicMs();
      if (nowMs - saidMs < PROGRESS_MS) return;
      saidMs = nowMs;
      console.log(`server: ${requests} of ${count} requests after ${seconds(nowMs - startedMs)}`);
    });
    return byCount(statuses).map(([status, replies]) => `${replies} replies ${status}`);
  },
  parser: async (seed, count) => {
    const { messages, refusals } = fuzzRequestParser(seed, Math.ceil(count / 10));
    const codes = byCount(refusals).map(([code, found]) => `${found} ${code === "" ? "not refused" : code}`);
    return [`${messages} messages accepted`, ...codes];
  },
  "node-http": async (seed, count) => {
    const { messages, explained } = await until(fuzzAgainstNode(seed, Math.ceil(count / 10)));
    const reasons = byCount(explained).map(([because, found]) => `${found} explained by "${because}"`);
    return [`${messages} messages read the same`, ...reasons];
  },
};

function byCount<T>(counts: ReadonlyMap<T, number>): Array<[T, number]> {
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(0)} s`;
}

await run(async () => {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(FUZZERS);
  const seed = chooseSeed();
  const count = Number(process.env["FUZZ_COUNT"] ?? DEFAULT_COUNT);
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`Cannot use FUZZ_COUNT: found "${count}", wanted 1 or more`);
  console.log(`FUZZ_SEED=${seed} FUZZ_COUNT=${count}`);
  for (const name of names) {
    const fuzz = FUZZERS[name];
    if (fuzz === undefined) throw new RangeError(`Cannot run "${name}": wanted ${Object.keys(FUZZERS).join(", ")}`);
    const startedMs = monotonicMs();
    const lines = await fuzz(seed, count);
    console.log(`${name}: held for ${seconds(monotonicMs() - startedMs)}`);
    for (const line of lines) console.log(`  ${line}`);
  }
});
