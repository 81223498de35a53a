import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { hello } from "./hello.ts";

const app = new Hono();
app.get("/", (context) => context.json(hello, 200, { "Content-Type": "application/json; charset=utf-8" }));
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`));
process.on("SIGTERM", () => process.exit(0));
