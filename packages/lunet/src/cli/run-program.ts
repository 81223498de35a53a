/**
 * `lunet run` and `lunet trace`: run a program, in the release build or in the trace build.
 *
 * The program takes the place of the command, in the same process (`execve`): so its standard streams, its signals, its
 * process number and its exit status are its own, without a second process that passes them on, and could be killed
 * without it. With `--workers` the command stays, as the supervisor of the processes that run the program.
 */
import { becomeNode, TRACE_CONDITION } from "./become.ts";
import { refuseUsage } from "./usage.ts";

const DEFAULT_PAGE_PORT = 9_230;
const MAX_WORKERS = 1_024;

const WANTED_WORKERS = "[--workers=N|auto] app.ts [argument...]";

/** A call that was understood, or what of it was not. */
interface RunCall {
  readonly program: readonly string[];
  readonly page: string | undefined;
  readonly workers: number | "auto" | undefined;
}

/**
 * Becomes the program, or supervises the workers that run it; returns, with a status, at the end of the workers and for a
 * call that cannot be understood.
 */
export async function runCommand(command: "run" | "trace", args: readonly string[]): Promise<number> {
  const wanted = command === "run" ? WANTED_WORKERS : `[--page[=port] | --workers=N|auto] app.ts [argument...]`;
  const call = readCall(command, args);
  if ("refused" in call) return refuseUsage(command, call.refused, wanted);
  const { program, page, workers } = call;
  if (program.length === 0) return refuseUsage(command, "no program", wanted);
  if (workers !== undefined) {
    // Only one process can have a page's port.
    if (page !== undefined) return refuseUsage(command, "--page with --workers", wanted);
    return (await import("./run-workers.ts")).superviseProgram(command, program, workers);
  }
  const environment = page === undefined ? process.env : { ...process.env, LUNET_TRACE_PORT: page };
  return becomeNode(command, [...(command === "trace" ? [TRACE_CONDITION] : []), ...program], environment);
}

function readCall(command: "run" | "trace", args: readonly string[]): RunCall | { readonly refused: string } {
  let page: string | undefined;
  let workers: number | "auto" | undefined;
  let at = 0;
  for (; args[at]?.startsWith("-") === true; at++) {
    const option = args[at] ?? "";
    if (option === "--") {
      at++;
      break;
    }
    const value = option === "--workers" ? args[++at] : /^--workers=(.*)$/s.exec(option)?.[1];
    if (value !== undefined || option === "--workers") {
      workers = workerCount(value);
      if (workers === undefined) return { refused: `--workers=${value ?? ""}` };
      continue;
    }
    const [, port = String(DEFAULT_PAGE_PORT)] = /^--page(?:=(\d{1,5}))?$/.exec(option) ?? [undefined, ""];
    if (command !== "trace" || port === "" || Number(port) > 65_535) return { refused: option };
    page = port;
  }
  return { program: args.slice(at), page, workers };
}

/** The number that is meant; undefined for none. */
function workerCount(text: string | undefined): number | "auto" | undefined {
  if (text === "auto") return text;
  const count = /^\d{1,4}$/.test(text ?? "") ? Number(text) : 0;
  return count >= 1 && count <= MAX_WORKERS ? count : undefined;
}
