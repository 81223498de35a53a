/** What node:net alone costs: one fixed reply for whatever is read. No server can be had below it on node:net. */
import { createServer, type AddressInfo } from "node:net";
import { hello } from "./hello.ts";

const content = JSON.stringify(hello);
const reply = `HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${content.length}\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n${content}`;
const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.push = (chunk: Buffer | null): boolean => {
    if (chunk === null) socket.destroy();
    else socket.write(reply, "latin1");
    return chunk !== null;
  };
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on("SIGTERM", () => process.exit(0));
