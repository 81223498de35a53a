/**
 * What `node:http` makes of bytes: its server as it comes, with a stream in memory for a socket. All bytes arrive at once,
 * and then the end.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Duplex } from "node:stream";

export interface NodeMessage {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>;
  content: string;
  trailers: ReadonlyArray<readonly [name: string, value: string]>;
  /** Whether its end was found. */
  isWhole: boolean;
}

export interface NodeReading {
  readonly messages: NodeMessage[];
  /** Why the rest was refused: a code of llhttp, or a status that the server answers on its own. */
  refusal: string | undefined;
}

/** A message that breaks off with the bytes is not refused, it waits for more. */
const ENDS = new Set(["HPE_INVALID_EOF_STATE", "ECONNRESET"]);

class MemorySocket extends Duplex {
  readonly reading: NodeReading = { messages: [], refusal: undefined };
  #isRefused = false;

  /** Notes a message. Behind one that was refused the server reads on, and answers nothing. */
  add(message: NodeMessage): void {
    if (!this.#isRefused) this.reading.messages.push(message);
  }

  refuse(why: string): void {
    this.#isRefused = true;
    this.reading.refusal ??= why;
  }

  override _read(): void {}

  override _write(part: Buffer, _encoding: string, done: () => void): void {
    // What the server answers on its own is not 200.
    const status = /^HTTP\/1\.1 (?!200|100)(\d{3})/.exec(part.toString("latin1"))?.[1];
    if (status !== undefined) this.refuse(status);
    done();
  }
}

function pairs(raw: readonly string[]): Array<[string, string]> {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at]?.toLowerCase() ?? "", raw[2 * at + 1] ?? ""]);
}

function record(request: IncomingMessage): NodeMessage {
  const message: NodeMessage = {
    method: request.method ?? "",
    target: request.url ?? "",
    minor: request.httpVersionMinor,
    fields: pairs(request.rawHeaders),
    content: "",
    trailers: [],
    isWhole: false,
  };
  const socket = request.socket as unknown as MemorySocket;
  const isRefused = message.minor === 1 && request.headers.host === undefined && message.method !== "CONNECT";
  if (isRefused) socket.refuse("400");
  else socket.add(message);
  return message;
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const message = record(request);
  request.on("data", (part: Buffer) => (message.content += part.toString("latin1")));
  request.on("error", () => {});
  request.on("end", () => {
    message.trailers = pairs(request.rawTrailers);
    message.isWhole = true;
  });
  response.end();
}

export class NodeReader {
  readonly #server: Server;

  constructor() {
    // The server asks for Host itself, in the request's turn to be answered, which is not known here: see `record`.
    this.#server = createServer({ requireHostHeader: false }, answer);
    // An expectation is the application's to answer; here it is the message alone that counts.
    this.#server.on("checkContinue", answer).on("checkExpectation", answer);
    this.#server.on("connect", (request: IncomingMessage, socket: Duplex) => {
      record(request).isWhole = true;
      socket.destroy();
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (error.code !== undefined && !ENDS.has(error.code)) (socket as MemorySocket).refuse(error.code);
      // The ends of earlier messages are told in later turns.
      setImmediate(() => socket.destroy());
    });
  }

  read(bytes: Uint8Array): Promise<NodeReading> {
    return new Promise((resolve) => {
      const socket = new MemorySocket();
      socket.on("close", () => resolve(socket.reading));
      socket.on("error", () => {});
      this.#server.emit("connection", socket);
      socket.push(bytes);
      socket.push(null);
    });
  }
}
