import { bun } from "./bun.ts";
import { hello } from "./hello.ts";

if (bun === undefined) throw new Error("Cannot serve: found another runtime, wanted Bun");
const fields = { "Content-Type": "application/json; charset=utf-8" };
const server = bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  // Longer than the idle connections are looked at.
  idleTimeout: 60,
  fetch: () => new Response(JSON.stringify(hello), { headers: fields }),
});
console.log(`http://127.0.0.1:${server.port}`);
process.on("SIGTERM", () => process.exit(0));
