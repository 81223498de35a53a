/** When the trace build begins and ends to watch: at the first root, and at the exit of the process. */
import { isMainThread } from "node:worker_threads";
import { onBackgroundSignal, onExit, writeStderrNow } from "../host/process.ts";
import { collectFindings, settings, TRACE_EXIT_STATUS } from "./findings.ts";
import { roots } from "./ledger.ts";
import { snapshot, treeText } from "./snapshot.ts";
import { checkBalance, hasFatalFindings, summaryJson, summaryText } from "./summary.ts";
import { startWatchdog, stopWatchdog } from "./watchdog.ts";

let hasBegun = false;

/** A root is about to run. */
export function rootStarted(): void {
  startWatchdog();
  if (hasBegun) return;
  hasBegun = true;
  onExit(atExit);
  // A worker tells what it has found at its own end; signals and sockets are the process's.
  if (!isMainThread) return;
  onBackgroundSignal("SIGUSR2", () => writeStderrNow(treeText(snapshot())));
  startInspector();
}

/** It is loaded only now, and not waited for: the program's start pays next to nothing for being watched. */
function startInspector(): void {
  if (settings.socket === "off" && settings.port === undefined) return;
  import("./inspector.ts").then(
    ({ openInspector }) => openInspector(settings),
    (error: unknown) => writeStderrNow(`lunet trace: Cannot load the inspector: ${String(error)}\n`),
  );
}

/** A root has ended. */
export function rootEnded(): void {
  stopWatchdog();
}

/** The end of the process: the balance, the summary, and the status. */
function atExit(): number | undefined {
  // All that is left is told, and whoever else listens to the exit has its turn.
  collectFindings();
  // A program that leaves in the middle leaves what it was doing: that is told, and is no leak.
  if (roots.size === 0) checkBalance();
  const isFatal = hasFatalFindings();
  if (settings.summary === "json") writeStderrNow(`${JSON.stringify(summaryJson())}\n`);
  else if (settings.summary === "on" || isFatal) writeStderrNow(summaryText());
  return isFatal ? TRACE_EXIT_STATUS : undefined;
}
