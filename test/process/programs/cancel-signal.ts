// Stops waiting for SIGTERM, and says so; then the default action is back.
import { run, sleep, spawn } from "lunet";
import { waitSignal } from "lunet/signal";

await run(async () => {
  const waiting = spawn(() => waitSignal("TERM"));
  waiting.cancel();
  await waiting.join().catch(() => console.log("not waiting"));
  await sleep(60_000);
});
