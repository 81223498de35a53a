import type { AddressInfo } from "node:net";
import express from "express";
import { hello } from "./hello.ts";

const app = express();
// Nobody else says who they are, or hashes the content.
app.disable("x-powered-by");
app.set("etag", false);
app.get("/", (_request, response) => {
  response.json(hello);
});
const server = app.listen(0, "127.0.0.1", () =>
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.on("SIGTERM", () => process.exit(0));
