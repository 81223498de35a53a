// The server of the scenarios. Its argument is the options as JSON; SIGTERM drains it. It answers "memory" of its parent with
// what it holds after a collection, when it was started with --expose-gc.
import { run, sleep, spawn } from "lunet";
import { json, serve, text, type HttpRequest, type Reply, type ServerLimits } from "lunet/http";
import { waitSignal } from "lunet/signal";

const BIG = Buffer.alloc(8 * 1024 * 1024, "x");
const limits = JSON.parse(process.argv[2] ?? "{}") as Partial<ServerLimits>;

function burn(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

function handle(request: HttpRequest): Reply | Promise<Reply> {
  switch (request.path) {
    case "/big":
      return { status: 200, content: BIG };
    case "/upload":
      return request.bytes().then((bytes) => text(String(bytes.length)));
    case "/burn":
      burn(20);
      return json({ burnt: true });
    case "/later":
      return sleep(5).then(() => json({ later: true }));
    default:
      return json({ hello: "world" });
  }
}

await run(async () => {
  const asked = spawn(() => waitSignal("TERM"), { name: "signal" });
  const server = await serve(handle, {
    limits,
    isEssential: ({ path }) => path === "/health",
    onFailure: (error) => console.error(`failed: ${error instanceof Error ? error.message : String(error)}`),
  });
  process.on("message", () => {
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send?.({ rss, used: heapUsed + external, connections: server.connectionCount });
  });
  process.channel?.unref();
  console.log(`listening on ${server.port}.`);
  await asked.join();
  await server.close({ graceMs: 5_000 });
});
