/*
 * The server of the soak: one route for each thing that lunet/http can do, without a database, so that what it holds is
 * HTTP's. It serves the folder of the documentation as files.
 */
import { join } from "node:path";
import { run, sleep, spawn } from "lunet";
import {
  compose,
  compress,
  cors,
  EventChannel,
  eventStream,
  json,
  multipart,
  requestIds,
  Router,
  serve,
  staticFiles,
  text,
  webSocket,
} from "lunet/http";
import { waitSignal } from "lunet/signal";

const LONG_PIECES = 64;
const PIECE = "a line of the long reply, which is as long as many of them\n".repeat(64);
const TICK_MS = 20;

const ticks = new EventChannel({ maxKeptEvents: 100 });

const router = new Router();
router.get("/hello", () => json({ hello: "world" }));
router.get("/later/:ms", async (request) => {
  await sleep(Math.min(100, Number(request.params["ms"])));
  return text("later\n");
});
router.post("/echo", async (request) => json(await request.json()));
router.post("/count", async (request) => {
  let bytes = 0;
  for await (const piece of request.content()) bytes += piece.length;
  return json({ bytes });
});
router.post("/form", async (request) => {
  let bytes = 0;
  for await (const part of multipart(request)) for await (const piece of part.content()) bytes += piece.length;
  return json({ bytes });
});
router.get("/long", () => ({
  status: 200,
  fields: { "Content-Type": "text/plain; charset=utf-8" },
  content: (async function* () {
    for (let piece = 0; piece < LONG_PIECES; piece++) yield PIECE;
  })(),
}));
router.get("/events", (request) => eventStream(request, (events) => ticks.forward(events)));
router.get(
  "/socket",
  webSocket(async (socket) => {
    for await (const message of socket) await socket.send(message);
  }),
);
router.get("/files/*path", staticFiles(join(import.meta.dirname, "../../docs"), { prefix: "/files" }));

await run(async () => {
  const handler = compose(requestIds(), cors({ origins: "*" }), compress())(router.handler);
  await using server = await serve(handler, { port: 0, limits: { maxContentBytes: 4_194_304 } });
  await using _ticking = spawn(async () => {
    for (let count = 0; ; count++) {
      await sleep(TICK_MS);
      ticks.publish({ event: "tick", data: String(count) });
    }
  });
  console.log(`soak: listening on ${server.url}`);
  await waitSignal("TERM", "INT");
});
