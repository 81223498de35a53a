import { run } from "lunet";
import { json, Router, serve } from "lunet/http";
import { waitSignal } from "lunet/signal";

const router = new Router().get("/hello/:name", (request) => json({ hello: request.params["name"] }));
await run(async () => {
  await using server = await serve(router, { port: 3000 });
  console.log(server.url);
  await waitSignal("TERM", "INT");
});
