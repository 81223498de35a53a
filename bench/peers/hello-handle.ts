/**
 * The floor below the floor: Node's private TCP handle with one fixed reply, and no stream of node:net around it. Measured to
 * show what the private way would gain; nothing of Lunet goes it. It reads what `process.binding` still gives away, copies
 * Node's own use of it, and may break with any release.
 */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { hello } from "./hello.ts";

/** What is used of Node's internals. */
interface Handle {
  onread: (this: Handle, bytes: ArrayBuffer | undefined) => void;
  readStart(): void;
  close(): void;
  writeLatin1String(request: object, text: string): number;
}

interface StreamBinding {
  readonly WriteWrap: new () => { oncomplete?: () => void };
  /** Of the last call: the number of bytes read, or an error below 0, and whether a write goes on. */
  readonly streamBaseState: Int32Array;
}

const { WriteWrap, streamBaseState } = (process as unknown as { binding: (name: string) => StreamBinding }).binding(
  "stream_wrap",
);
const READ_BYTES = 0;

const content = JSON.stringify(hello);
const reply = `HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${content.length}\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n${content}`;

function onRead(this: Handle): void {
  if ((streamBaseState[READ_BYTES] ?? 0) <= 0) {
    this.close();
    return;
  }
  const request = new WriteWrap();
  request.oncomplete = (): void => {};
  this.writeLatin1String(request, reply);
}

const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket: Socket) => {
  const handle = (socket as unknown as { _handle: Handle })._handle;
  handle.onread = onRead;
  handle.readStart();
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on("SIGTERM", () => process.exit(0));
