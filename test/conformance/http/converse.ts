/**
 * Says the bytes of a case to a server over a real socket, and writes down what it answers.
 *
 * Behind the bytes a further request is sent, unless the case waits for more or ends with `close`: its reply tells that
 * the connection is open and where the server has seen the end of the bytes. A server that answers nothing more is told from one that is
 * busy by other requests, which it answers meanwhile.
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
  /** When the bytes have been handed to the kernel. */
  readonly written: Promise<void>;
  /** When the connection has ended. */
  readonly ended: Promise<void>;

  constructor(port: number, bytes: string) {
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
    this.written = new Promise((resolve) => {
      socket.on("connect", () => socket.write(Buffer.from(bytes, "latin1"), () => resolve()));
      socket.on("close", () => resolve());
    });
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

/** Whether a further request follows: not into half a message, and not behind one that is known to be the last. */
function hasFurther({ wanted, refusal }: Case): boolean {
  const end = wanted.split(" ").at(-1);
  return end !== "waits" && (end !== "closed" || refusal !== undefined);
}

async function converse(port: number, cases: readonly Case[]): Promise<Seen[]> {
  const conversations = cases.map((item) => new Conversation(port, hasFurther(item) ? item.bytes + AFTER : item.bytes));
  await Promise.all(conversations.map(({ written }) => written));
  const allEnded = Promise.all(conversations.map(({ ended }) => ended));
  let areEnded = false;
  void allEnded.then(() => (areEnded = true));
  for (let ping = 0; ping < PINGS && !areEnded; ping++) {
    const other = new Conversation(port, AFTER);
    await other.ended;
    if (other.end().end !== "open") throw new Error("Cannot run the table: the server answers no sound request");
  }
  return conversations.map((conversation) => conversation.end());
}
