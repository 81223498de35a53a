import { run } from "lunet";
import { json, Router, serve } from "lunet/http";
import { waitSignal } from "lunet/signal";
import { hello } from "./hello.ts";

const router = new Router();
router.get("/", () => json(hello));
await run(async () => {
  await using server = await serve(router);
  console.log(server.url);
  await waitSignal("TERM");
});
