import Fastify from "fastify";
import { hello } from "./hello.ts";

const server = Fastify();
server.get("/", async () => hello);
console.log(await server.listen({ host: "127.0.0.1", port: 0 }));
process.on("SIGTERM", () => process.exit(0));
