/** Messages that have come from the client and wait for the handler, in a bounded queue. */
import { suspend } from "../../co/mod.ts";
import { BusyError } from "../../net/mod.ts";

/** A message: text, or bytes. */
export type WebSocketMessage = string | Uint8Array;

/** What a message takes besides its bytes, so that empty ones count too. */
const MESSAGE_OVERHEAD_BYTES = 64;

interface QueuedMessage {
  readonly message: WebSocketMessage;
  readonly bytes: number;
}

const TAKEN: QueuedMessage = { message: "", bytes: 0 };

/** Whoever puts messages in asks for room first; whoever takes them waits for one. */
export class MessageQueue {
  readonly #maxBytes: number;
  #messages: QueuedMessage[] = [];
  /** Messages before it have been taken. */
  #first = 0;
  #bytes = 0;
  #isEnded = false;
  #isEndSeen = false;
  #hasTaker = false;
  #resumeTake: ((message: WebSocketMessage | undefined) => void) | undefined;
  /** Wakes whoever waits until there is room, or until the end is seen. */
  #onTaken: (() => void) | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get hasRoom(): boolean {
    return this.#bytes < this.#maxBytes;
  }

  /** True when somebody takes messages, or one is left to be taken: whoever does will come to the end. */
  get isRead(): boolean {
    return this.#hasTaker || this.#first < this.#messages.length;
  }

  /** Puts a message in. After the end it is dropped. */
  push(message: WebSocketMessage, bytes: number): void {
    if (this.#isEnded) return;
    const resume = this.#resumeTake;
    if (resume !== undefined) {
      this.#resumeTake = undefined;
      resume(message);
      return;
    }
    this.#messages.push({ message, bytes: bytes + MESSAGE_OVERHEAD_BYTES });
    this.#bytes += bytes + MESSAGE_OVERHEAD_BYTES;
  }

  /** Nothing comes any more. What is in the queue can still be taken. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const resume = this.#resumeTake;
    this.#resumeTake = undefined;
    if (resume === undefined) return;
    this.#isEndSeen = true;
    resume(undefined);
  }

  /** Ends the queue and drops what is in it. */
  drop(): void {
    this.#messages = [];
    this.#first = 0;
    this.#bytes = 0;
    this.end();
    this.#isEndSeen = true;
    this.#wakeProducer();
  }

  /** Waits for the next message; undefined at the end. */
  take(): Promise<WebSocketMessage | undefined> {
    if (this.#resumeTake !== undefined) throw new BusyError("receive", "the WebSocket");
    this.#hasTaker = true;
    if (this.#first < this.#messages.length) return Promise.resolve(this.#shift());
    if (this.#isEnded) {
      this.#isEndSeen = true;
      this.#wakeProducer();
      return Promise.resolve(undefined);
    }
    return suspend<WebSocketMessage | undefined>("webSocket.receive", (resume) => {
      this.#resumeTake = resume;
      return () => {
        this.#resumeTake = undefined;
      };
    });
  }

  #shift(): WebSocketMessage {
    const { message, bytes } = this.#messages[this.#first] as QueuedMessage;
    this.#messages[this.#first++] = TAKEN;
    this.#bytes -= bytes;
    if (this.#first === this.#messages.length) {
      this.#messages = [];
      this.#first = 0;
    }
    if (this.hasRoom) this.#wakeProducer();
    return message;
  }

  #wakeProducer(): void {
    const wake = this.#onTaken;
    this.#onTaken = undefined;
    wake?.();
  }

  /** Waits until there is room for more. */
  async waitRoom(): Promise<void> {
    while (!this.hasRoom) await this.#taken("webSocket.room");
  }

  /** Waits until whoever takes messages has come to the end. */
  async waitEndSeen(): Promise<void> {
    while (!this.#isEndSeen) await this.#taken("webSocket.end");
  }

  #taken(operation: string): Promise<void> {
    return suspend<void>(operation, (resume) => {
      this.#onTaken = resume;
      return () => {
        this.#onTaken = undefined;
      };
    });
  }
}
