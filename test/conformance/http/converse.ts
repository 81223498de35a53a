/**
 * Says the bytes of a case to a server over a real socket, and writes down what it answers.
 *
 * When the server has nothing more to say, a further request is sent, unless the case waits for more: its reply tells that the
 * connection is open and that the server has seen the end of the bytes where it is. A server that has nothing more to say is
 * told from one that is busy by other requests, which it answers meanwhile.
 */
import { connect as connectSocket, type Socket } from "node:net";
import type { Case } from "./case.ts";
import { readReplies, type SeenReply } from "./replies.ts";

export interface Seen {
  /** The replies to the bytes, interim ones among them. */
  readonly replies: readonly SeenReply[];
  readonly end: "open" | "closed" | "waits";
  /** What was sent and is no reply. */
  readonly rest: string;
}

const AFTER = "GET /after HTTP/1.1\r\nHost: after\r\nConnection: close\r\n\r\n";
const AFTER_ECHO = "GET /after\n";
/** How many cases are under way at once. */
const BATCH = 100;
/** How many other requests a server answers, one after the other, before its silence counts. */
const PINGS = 12;

class Conversation {
  readonly #socket: Socket;
  readonly #parts: Buffer[] = [];
  #hasEnded = false;
  /** When the connection has ended. */
  readonly ended: Promise<void>;

  constructor(port: number) {
    const socket = connectSocket({ port, host: "127.0.0.1" });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (part: Buffer) => void this.#parts.push(part));
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true;
        resolve();
      };
      socket.on("end", end);
      socket.on("close", end);
      // A reset is an end; what came before it has been read.
      socket.on("error", end);
    });
  }

  /** Hands bytes to the kernel, as far as the connection has not ended. */
  write(bytes: string): Promise<void> {
    const written = new Promise<void>((resolve) => this.#socket.write(Buffer.from(bytes, "latin1"), () => resolve()));
    return Promise.race([written, this.ended]);
  }

  end(): Seen {
    this.#socket.destroy();
    const { replies, rest } = readReplies(Buffer.concat(this.#parts).toString("latin1"), this.#hasEnded);
    const isAnswered = replies.at(-1)?.content.startsWith(AFTER_ECHO) === true;
    const end = isAnswered ? "open" : this.#hasEnded ? "closed" : "waits";
    return { replies: isAnswered ? replies.slice(0, -1) : replies, end, rest };
  }
}

/** Runs cases, many at once, and gives what was seen in their order. */
export async function converseAll(port: number, cases: readonly Case[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let at = 0; at < cases.length; at += BATCH) {
    seen.push(...(await converse(port, cases.slice(at, at + BATCH))));
  }
  return seen;
}

async function converse(port: number, cases: readonly Case[]): Promise<Seen[]> {
  const conversations = cases.map(() => new Conversation(port));
  await Promise.all(conversations.map((conversation, index) => conversation.write(cases[index]?.bytes ?? "")));
  await untilQuiet(port, conversations);
  const whole = conversations.filter((_, index) => cases[index]?.wanted.split(" ").at(-1) !== "waits");
  await Promise.all(whole.map((conversation) => conversation.write(AFTER)));
  await untilQuiet(port, conversations);
  return conversations.map((conversation) => conversation.end());
}

/** Waits until every connection has ended, or the server has had time for all that it was sent. */
async function untilQuiet(port: number, conversations: readonly Conversation[]): Promise<void> {
  let haveEnded = false;
  void Promise.all(conversations.map(({ ended }) => ended)).then(() => (haveEnded = true));
  for (let ping = 0; ping < PINGS && !haveEnded; ping++) {
    const other = new Conversation(port);
    await other.write(AFTER);
    await other.ended;
    if (other.end().end !== "open") throw new Error("Cannot run the table: the server answers no sound request");
  }
}
