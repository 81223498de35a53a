import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openArticleList, rangeOf } from "./article-list.ts";

const list = openArticleList();
const server = createServer((request, response) => {
  const content = JSON.stringify(list(...rangeOf(request.url ?? "/")));
  response.writeHead(200, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(content),
    "Access-Control-Allow-Origin": "*",
  });
  response.end(content);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on("SIGTERM", () => process.exit(0));
