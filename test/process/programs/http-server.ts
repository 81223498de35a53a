// An HTTP server as a program: SIGTERM drains it, with the grace that its argument says.
import { run, sleep, spawn } from "lunet";
import { serve, text } from "lunet/http";
import { waitSignal } from "lunet/signal";

const graceMs = Number(process.argv[2] ?? 5_000);

await run(async () => {
  const asked = spawn(() => waitSignal("TERM"), { name: "signal" });
  const server = await serve(
    async (request) => {
      if (request.path === "/slow") await sleep(200);
      if (request.path === "/never") await sleep(60_000);
      return text(request.path);
    },
    { limits: { lingerMs: 200 } },
  );
  console.log(`listening on ${server.port}.`);
  await asked.join();
  await server.close({ graceMs });
  console.log("drained");
});
