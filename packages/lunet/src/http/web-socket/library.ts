/**
 * The npm package `ws`, as far as lunet uses it, and the one place that says what its types leave out.
 *
 * Used are its codecs, which do no I/O and set no timer: `Receiver` takes bytes and tells of messages, `Sender.frame` makes
 * frames. Its `WebSocket` is not used: it owns timers and a close of its own, which would outlive a coroutine's cancel, and
 * wants a stream between itself and the socket.
 */
import type { Writable } from "node:stream";
import { until } from "../../co/mod.ts";

/** Takes the client's bytes and tells of what they say, while `write` runs. A violation is in `errored` afterwards. */
export interface FrameReceiver extends Writable {
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: "ping" | "pong", listener: (data: Buffer) => void): this;
  /** The client's Close frame; 1005 stands for one without a code. */
  on(event: "conclude", listener: (code: number, reason: Buffer) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
}

export interface ReceiverOptions {
  readonly isServer: true;
  /** Messages are told of while `write` runs, not in later turns. */
  readonly allowSynchronousEvents: true;
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
}

export interface FrameOptions {
  readonly fin: true;
  readonly opcode: number;
  readonly mask: false;
  readonly readOnly: true;
  readonly rsv1: false;
}

/** What `import("ws")` gives. */
export interface Library {
  readonly Receiver: new (options: ReceiverOptions) => FrameReceiver;
  readonly Sender: { frame(data: string | Uint8Array, options: FrameOptions): Array<Buffer | Uint8Array> };
}

let library: Library | undefined;

/** The package, if it has been loaded. */
export function loadedLibrary(): Library | undefined {
  return library;
}

/** Loads `ws`, which only a program does that gets such a request. */
export async function loadLibrary(): Promise<Library> {
  try {
    // Its types have neither Receiver nor Sender, which it exports all the same.
    library = (await until(import("ws"))) as unknown as Library;
    return library;
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new TypeError('Cannot serve a WebSocket: found no package "ws", wanted it installed', { cause });
  }
}
