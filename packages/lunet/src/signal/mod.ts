/**
 * Signals of the operating system, waited for like anything else.
 *
 * @module
 */
import { TRACE, ended, made } from "#trace";
import { suspend } from "../co/mod.ts";
import { onSignal } from "../host/process.ts";

/** A signal by its POSIX name without `SIG`. */
export type SignalName = "INT" | "TERM" | "HUP" | "QUIT" | "USR2";

const NAMES: readonly string[] = ["INT", "TERM", "HUP", "QUIT", "USR2"] satisfies readonly SignalName[];

/**
 * Waits for the first of the signals and gives its name. One shot: it listens while it waits and no longer.
 *
 * While somebody waits for a signal its default action is off, and the process stays alive. Everyone who waits for it
 * gets it. When nobody waits the default action, which for these ends the process, is back at once: a second SIGINT
 * ends a program that hangs in its clean-up.
 *
 * @throws TypeError without a name; RangeError for a signal that cannot be waited for.
 * @example
 * ```ts
 * import { run, sleep, spawn, withDeadline } from "lunet";
 * import { waitSignal } from "lunet/signal";
 * await run(async () => {
 *   const server = spawn(() => sleep(60_000));
 *   const name = await withDeadline(20, () => waitSignal("INT", "TERM")).catch(() => "nobody");
 *   server.cancel({ reason: `stopped by ${name}` });
 * });
 * ```
 */
export async function waitSignal(...names: readonly SignalName[]): Promise<SignalName> {
  if (names.length === 0) throw new TypeError(`Cannot wait for a signal: found no name, wanted ${NAMES.join(", ")}`);
  for (const name of names) {
    if (!NAMES.includes(name)) {
      throw new RangeError(`Cannot wait for the signal "${name}": wanted one of ${NAMES.join(", ")}`);
    }
  }
  return suspend<SignalName>(`waitSignal ${names.join(" ")}`, (resume) => {
    const stops = [...new Set(names)].map((name) =>
      onSignal(`SIG${name}`, () => {
        stop();
        resume(name);
      }),
    );
    const stop = (): void => {
      for (const each of stops) each();
      if (TRACE) ended("signal", stop);
    };
    if (TRACE) made("signal", stop, undefined, names.join(" "));
    return stop;
  });
}
