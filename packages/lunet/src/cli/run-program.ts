/**
 * `lunet run` and `lunet trace`: run a program, in the release build or in the trace build.
 *
 * The program takes the place of the command, in the same process (`execve`): so its standard streams, its signals, its
 * process number and its exit status are its own, without a second process that passes them on, and could be killed
 * without it.
 */
import { becomeNode, TRACE_CONDITION } from "./become.ts";
import { refuseUsage } from "./usage.ts";

const DEFAULT_PAGE_PORT = 9_230;

/** Becomes the program; returns, with a status, only for a call that cannot be understood. */
export function runCommand(command: "run" | "trace", args: readonly string[]): number {
  const wanted = command === "run" ? "app.ts [argument...]" : "[--page[=port]] app.ts [argument...]";
  const environment = { ...process.env };
  let at = 0;
  for (; args[at]?.startsWith("-") === true; at++) {
    const option = args[at] ?? "";
    if (option === "--") {
      at++;
      break;
    }
    const [, port = String(DEFAULT_PAGE_PORT)] = /^--page(?:=(\d{1,5}))?$/.exec(option) ?? [undefined, ""];
    if (command !== "trace" || port === "" || Number(port) > 65_535) return refuseUsage(command, option, wanted);
    environment["LUNET_TRACE_PORT"] = port;
  }
  const program = args.slice(at);
  if (program.length === 0) return refuseUsage(command, "no program", wanted);
  return becomeNode(command, [...(command === "trace" ? [TRACE_CONDITION] : []), ...program], environment);
}
