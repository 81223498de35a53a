import { Elysia } from "elysia";
import { hello } from "./hello.ts";

const app = new Elysia()
  .headers({ "Content-Type": "application/json; charset=utf-8" })
  .get("/", () => hello)
  .listen({ hostname: "127.0.0.1", port: 0 });
console.log(`http://127.0.0.1:${app.server?.port}`);
process.on("SIGTERM", () => process.exit(0));
