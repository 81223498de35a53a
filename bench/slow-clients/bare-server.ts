// What an idle connection costs without lunet: node:net, one fixed reply, and the same answers to its parent as server.ts.
import { createServer } from "node:net";

const CONTENT = '{"hello":"world"}';
const REPLY = `HTTP/1.1 200 OK\r\nContent-Length: ${CONTENT.length}\r\n\r\n${CONTENT}`;
let connections = 0;

const server = createServer({ noDelay: true }, (socket) => {
  connections++;
  socket.on("data", () => socket.write(REPLY, "latin1"));
  socket.on("error", () => {});
  socket.on("close", () => connections--);
});
process.on("message", () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ rss, used: heapUsed + external, connections });
});
process.on("SIGTERM", () => process.exit(0));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`listening on ${address?.port}.`);
});
