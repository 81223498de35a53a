/**
 * Frames on their way to the client: one after the other, each whole.
 *
 * Many coroutines may write: the handler's, and those that answer pings and end the WebSocket. They take turns, first come
 * first served, because a connection has one writer at a time. After the Close frame nothing follows.
 */
import { suspend } from "../../co/mod.ts";
import type { Connection } from "../../net/mod.ts";
import type { FrameOptions, Library } from "./library.ts";

/** RFC 6455, 5.2. */
const OPCODES = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export type FrameKind = keyof typeof OPCODES;

const NO_BYTES = new Uint8Array(0);

export class FrameWriter {
  readonly #connection: Connection;
  readonly #library: Library;
  #isTaken = false;
  readonly #waiting: Array<() => void> = [];
  #closeSent = false;

  constructor(connection: Connection, library: Library) {
    this.#connection = connection;
    this.#library = library;
  }

  /** True from the Close frame on. */
  get closeSent(): boolean {
    return this.#closeSent;
  }

  /**
   * Waits until the connection takes a frame. One that is cancelled has not been sent, in no part.
   *
   * @returns False when a Close frame has gone out, and so the frame has not.
   * @throws As `Connection.write`.
   */
  async write(kind: FrameKind, data: string | Uint8Array): Promise<boolean> {
    return this.#write(this.#frame(kind, data), kind === "close");
  }

  /** Answers pings, all of them in one write. */
  async writePongs(pings: readonly Uint8Array[]): Promise<boolean> {
    return this.#write(Buffer.concat(pings.map((ping) => this.#frame("pong", ping))), false);
  }

  /** Sends a frame if that needs no wait. */
  tryWrite(kind: FrameKind, data: string | Uint8Array): boolean {
    return this.#tryWrite(this.#frame(kind, data), kind === "close");
  }

  async #write(bytes: Uint8Array, isLast: boolean): Promise<boolean> {
    if (this.#tryWrite(bytes, isLast)) return true;
    await this.#takeTurn();
    try {
      if (this.#closeSent) return false;
      await this.#connection.write(bytes);
      this.#closeSent = isLast;
      return true;
    } finally {
      this.#passTurn();
    }
  }

  #tryWrite(bytes: Uint8Array, isLast: boolean): boolean {
    if (this.#isTaken || this.#closeSent || !this.#connection.tryWrite(bytes)) return false;
    this.#closeSent = isLast;
    return true;
  }

  #frame(kind: FrameKind, data: string | Uint8Array): Uint8Array {
    const options: FrameOptions = { fin: true, opcode: OPCODES[kind], mask: false, readOnly: true, rsv1: false };
    const [head = NO_BYTES, content] = this.#library.Sender.frame(data, options);
    // One piece, because a frame that is cut between its head and its content could not be taken back.
    return content === undefined ? head : Buffer.concat([head, content]);
  }

  async #takeTurn(): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return;
    }
    await suspend<void>("webSocket.send", (resume) => {
      this.#waiting.push(resume);
      return () => void this.#waiting.splice(this.#waiting.indexOf(resume), 1);
    });
  }

  /** Hands the turn over, or leaves it to whoever comes. */
  #passTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}
