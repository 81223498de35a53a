// A server's life: SIGTERM asks, the grace is used, and the process ends with its own status.
import { run, sleep, spawn, waitCancelRequest } from "lunet";
import { waitSignal } from "lunet/signal";

await run(async () => {
  const server = spawn(async () => {
    await waitCancelRequest();
    await sleep(5);
    return "drained";
  });
  const asked = waitSignal("TERM", "INT");
  console.log("serving");
  await asked;
  server.cancel({ graceMs: 10_000 });
  console.log(await server.join());
  return 3;
});
