/** A client of WebSockets that sends frames as they are given, right or wrong, and reads the server's strictly. */
import assert from "node:assert/strict";
import type { Connection } from "../../../packages/lunet/src/net/mod.ts";
import type { Client } from "./server-harness.ts";

/** RFC 6455, 5.2. */
export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameParts {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  readonly fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7. */
  readonly rsv?: number;
  /** False for a frame without a mask, which a client must not send. */
  readonly mask?: boolean;
  /** Says another length than the payload has. */
  readonly length?: bigint;
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** A frame as bytes. */
export function frame({ opcode, payload = "", fin = true, rsv = 0, mask = true, length }: FrameParts): Buffer {
  const bytes = Buffer.from(typeof payload === "string" ? Buffer.from(payload) : payload);
  const said = length ?? BigInt(bytes.length);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const maskBit = mask ? 0x80 : 0;
  let head: Buffer;
  if (said < 126n) head = Buffer.from([first, maskBit | Number(said)]);
  else if (said < 65_536n) {
    head = Buffer.from([first, maskBit | 126, 0, 0]);
    head.writeUInt16BE(Number(said), 2);
  } else {
    head = Buffer.from([first, maskBit | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeBigUInt64BE(said, 2);
  }
  if (!mask) return Buffer.concat([head, bytes]);
  return Buffer.concat([head, MASK, bytes.map((byte, at) => byte ^ (MASK[at % 4] as number))]);
}

/** A Close frame. */
export function closeFrame(code: number, reason: string | Uint8Array = ""): Buffer {
  const text = typeof reason === "string" ? Buffer.from(reason) : reason;
  return frame({ opcode: OPCODES.close, payload: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), text]) });
}

export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** What the RFC's own example of a handshake answers its key with (RFC 6455, 1.3). */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** A request for a WebSocket as text. `fields` replace those of their names; undefined takes one away. */
export function handshake(fields: Readonly<Record<string, string | undefined>> = {}, line = "GET / HTTP/1.1"): string {
  const all: Record<string, string | undefined> = {
    Host: "a",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
  return `${line}\r\n${lines.join("")}\r\n`;
}

/** The client's end of an open WebSocket. */
export class FrameClient {
  readonly connection: Connection;
  #unread: Buffer = Buffer.alloc(0);

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Opens a WebSocket on a connection. What is sent along with the request is not waited with. */
  static async open({ connection }: Client, along: Uint8Array = Buffer.alloc(0)): Promise<FrameClient> {
    await connection.write(Buffer.concat([Buffer.from(handshake()), along]));
    const client = new FrameClient(connection);
    let head = "";
    while (!head.endsWith("\r\n\r\n")) head += (await client.#need(1)).toString("latin1");
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, new RegExp(`\r\nSec-WebSocket-Accept: ${ACCEPT.replaceAll("+", "\\+")}\r\n`));
    return client;
  }

  send(...frames: readonly Uint8Array[]): Promise<void> {
    return this.connection.write(Buffer.concat(frames));
  }

  /** The next frame as text: `text hello`, `close 1000 bye`; undefined at the end of the connection. */
  async read(): Promise<string | undefined> {
    const head = await this.#take(2);
    if (head === undefined) return undefined;
    const [first = 0, second = 0] = head;
    assert.equal(first & 0x70, 0, "found reserved bits in a frame of the server");
    assert.equal(second & 0x80, 0, "found a mask in a frame of the server");
    let length = second & 0x7f;
    if (length === 126) length = (await this.#need(2)).readUInt16BE();
    else if (length === 127) length = Number((await this.#need(8)).readBigUInt64BE());
    const payload = await this.#need(length);
    const kind = Object.keys(OPCODES).find((name) => OPCODES[name as keyof typeof OPCODES] === (first & 0x0f));
    assert.ok(kind !== undefined && (first & 0x80) !== 0, "found a frame that the server does not send");
    if (kind === "close") {
      const code = payload.length === 0 ? "" : ` ${payload.readUInt16BE()}`;
      return `close${code}${payload.length > 2 ? ` ${payload.subarray(2).toString()}` : ""}`;
    }
    const text = kind === "binary" ? payload.toString("hex") : payload.toString();
    return text === "" ? kind : `${kind} ${text.length > 100 ? `${text.length} characters` : text}`;
  }

  /** All frames up to the end of the connection. */
  async readAll(): Promise<string[]> {
    const frames: string[] = [];
    for (let one = await this.read(); one !== undefined; one = await this.read()) frames.push(one);
    return frames;
  }

  async #need(length: number): Promise<Buffer> {
    const bytes = await this.#take(length);
    assert.ok(bytes !== undefined, "found the end within a frame");
    return bytes;
  }

  async #take(length: number): Promise<Buffer | undefined> {
    const pieces = [this.#unread];
    let left = length - this.#unread.length;
    while (left > 0) {
      const bytes = await this.connection.read();
      if (bytes === null) {
        assert.equal(left, length, "found the end within a frame");
        return undefined;
      }
      pieces.push(Buffer.from(bytes));
      left -= bytes.length;
    }
    const all = Buffer.concat(pieces);
    this.#unread = all.subarray(length);
    return all.subarray(0, length);
  }
}
