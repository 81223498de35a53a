// A server in several workers: `workers.ts <count> <options as JSON>`. What it does besides is said by requests, and by
// files in the folder that FOLDER names.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeadlineError, run, sleep, spawn, withDeadline } from "lunet";
import { serve, text, type Handler } from "lunet/http";
import { waitSignal } from "lunet/signal";
import { runWorkers, thisWorker, type RunWorkersOptions } from "lunet/workers";

const count = Number(process.argv[2] ?? 2);
interface ProgramOptions extends Partial<RunWorkersOptions> {
  readonly path?: string;
  readonly port?: number;
  /** Serves on this port, too, so long after the first. */
  readonly later?: { readonly port: number; readonly ms: number };
  /** Cancels the supervisor after so long. */
  readonly deadlineMs?: number;
}

const { path, port = 0, later, deadlineMs, ...options } = JSON.parse(process.argv[3] ?? "{}") as ProgramOptions;
const folder = process.env["FOLDER"] ?? tmpdir();
/** How this start is to go: `fail`, `hang`, or nothing. It is read anew at each start. */
const plan = join(folder, "plan");

/** What the supervisor ends with when its deadline is over. */
const DEADLINE_STATUS = 9;
/** Longer than any test waits, and not for ever, whatever becomes of the test. */
const MAX_HOLD_MS = 15_000;

const handler: Handler = async (request) => {
  switch (request.path) {
    case "/who":
      return text(`${thisWorker()?.number} ${process.pid}`);
    case "/slow":
      await sleep(300);
      return text(`slow ${process.pid}`);
    case "/never":
      await sleep(60_000);
      return text("never");
    case "/hold":
      for (const end = Date.now() + MAX_HOLD_MS; Date.now() < end;);
      return text("held");
    case "/exit":
      return process.exit(Number(request.query("status")));
    default:
      return text(request.path);
  }
};

async function work(): Promise<void> {
  const told = existsSync(plan) ? readFileSync(plan, "utf8") : "";
  if (told === "fail") throw new Error("told to fail");
  if (told === "hang") {
    writeFileSync(join(folder, "hanging"), "");
    await sleep(60_000);
  }
  const asked = spawn(() => waitSignal("TERM", "INT"), { name: "signal" });
  const where = path === undefined ? { port } : { path };
  const server = await serve(handler, { ...where, limits: { drainIdleMs: 100, lingerMs: 200 } });
  if (thisWorker()?.isFirst !== false) console.log(`serves ${server.url}.`);
  if (later !== undefined) await sleep(later.ms);
  const second =
    later === undefined ? undefined : await serve(handler, { port: later.port, limits: { lingerMs: 200 } });
  await asked.join();
  const insist = spawn(async () => {
    await waitSignal("TERM", "INT");
    await server.close({ graceMs: 0 });
  });
  await Promise.all([server.close({ graceMs: 5_000 }), second?.close({ graceMs: 5_000 })]);
  insist.cancel();
  writeFileSync(join(folder, `drained-${process.pid}`), "");
}

async function supervise(): Promise<number> {
  if (deadlineMs === undefined) return runWorkers({ ...options, count });
  const outcome = withDeadline(deadlineMs, () => runWorkers({ ...options, count }));
  return outcome.catch((error: unknown) => {
    if (error instanceof DeadlineError) return DEADLINE_STATUS;
    throw error;
  });
}

await run(() => (thisWorker() === undefined ? supervise() : work()));
