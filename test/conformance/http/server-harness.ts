/**
 * A server and a strict client for tests, over memory sockets or the kernel's.
 *
 * `talk` runs in a coroutine. It fails the test when the server reported a failure that the test did not take with
 * `takeFailures`: nothing goes wrong unseen.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scope, spawn, suspend, type Coroutine } from "../../../packages/lunet/src/co/mod.ts";
import {
  serve,
  serveConnection,
  type Handler,
  type ReplyEvent,
  type ServerOptions,
} from "../../../packages/lunet/src/http/mod.ts";
import { connect, type Connection } from "../../../packages/lunet/src/net/mod.ts";
import { memoryPair, ReplyReader, type ClientReply } from "../../../packages/lunet/src/testing/mod.ts";

/** What the requests of the tests are sent over. */
export const TRANSPORTS = ["memory", "tcp", "unix"] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** The client's end of a connection. */
export class Client {
  readonly connection: Connection;
  readonly #reader: ReplyReader;

  constructor(connection: Connection) {
    this.connection = connection;
    this.#reader = new ReplyReader(connection);
  }

  /** Sends text of one character per byte, or bytes. */
  send(data: string | Uint8Array): Promise<void> {
    return this.connection.write(data, "latin1");
  }

  /** Sends a request without content, or one with text. */
  request(target: string, content?: string, fields = ""): Promise<void> {
    if (content === undefined) return this.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    const length = Buffer.byteLength(content);
    const head = `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${fields}\r\n`;
    return this.send(Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(content)]));
  }

  /** Waits for the next reply. */
  reply(method?: string): Promise<ClientReply> {
    return this.#reader.read(method);
  }

  /** Waits for the end of the connection, with nothing before it. */
  end(): Promise<void> {
    return this.#reader.readEnd();
  }

  /** Waits for the end of the connection and gives all that came before it, one character per byte. */
  async rest(): Promise<string> {
    let text = Buffer.from(this.#reader.takeRest()).toString("latin1");
    for (let bytes = await this.connection.read(); bytes !== null; bytes = await this.connection.read()) {
      text += Buffer.from(bytes).toString("latin1");
    }
    return text;
  }
}

/** What the server told of itself. */
export class ServerLog {
  readonly replies: ReplyEvent[] = [];
  #failures: unknown[] = [];

  /** The failures since the last call. */
  takeFailures(): unknown[] {
    return this.#failures.splice(0);
  }

  /** What the failures since the last call say. */
  takeMessages(): string[] {
    return this.takeFailures().map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  }

  fail(error: unknown): void {
    this.#failures.push(error);
  }

  /** The replies so far, as `status contentBytes` and `cut` for those that were not sent whole. */
  get lines(): string[] {
    return this.replies.map(
      ({ status, contentBytes, complete }) => `${status} ${contentBytes}${complete ? "" : " cut"}`,
    );
  }
}

export interface Talk {
  readonly client: Client;
  readonly log: ServerLog;
  /** Opens one more connection. Over memory it has a server of its own. */
  readonly connect: () => Promise<Client>;
  /** The coroutine that serves the connection; over memory only. */
  readonly serving: Coroutine<void> | undefined;
}

/** Serves with `handler`, runs `body` with a client, and waits for the end of both. */
export async function talk<T>(
  over: TransportName,
  handler: Handler,
  body: (talk: Talk) => Promise<T>,
  options: ServerOptions = {},
): Promise<T> {
  const log = new ServerLog();
  const serverOptions: ServerOptions = {
    onFailure: (error) => log.fail(error),
    onReply: (event) => log.replies.push(event),
    ...options,
  };
  const value = await scope(() =>
    over === "memory"
      ? talkOverMemory(handler, body, serverOptions, log)
      : talkOverKernel(over, handler, body, serverOptions, log),
  );
  assert.deepEqual(log.takeFailures(), [], "found failures that the test did not take");
  return value;
}

async function talkOverMemory<T>(
  handler: Handler,
  body: (talk: Talk) => Promise<T>,
  options: ServerOptions,
  log: ServerLog,
): Promise<T> {
  const clients: Connection[] = [];
  let serving: Coroutine<void> | undefined;
  const open = async (): Promise<Client> => {
    const [near, far] = memoryPair();
    clients.push(near);
    serving = spawn(() => serveConnection(handler, far, options), { name: "memory server" });
    return new Client(near);
  };
  const client = await open();
  try {
    return await body({ client, log, connect: open, serving });
  } finally {
    for (const near of clients) near.destroy();
  }
}

async function talkOverKernel<T>(
  over: "tcp" | "unix",
  handler: Handler,
  body: (talk: Talk) => Promise<T>,
  options: ServerOptions,
  log: ServerLog,
): Promise<T> {
  const folder = over === "unix" ? mkdtempSync(join(tmpdir(), "lunet-http-")) : undefined;
  const clients: Connection[] = [];
  try {
    const where = folder === undefined ? { port: 0 } : { path: join(folder, "s") };
    await using server = await serve(handler, { ...options, ...where });
    const open = async (): Promise<Client> => {
      const connection = await connect(folder === undefined ? { port: server.port } : where);
      clients.push(connection);
      return new Client(connection);
    };
    try {
      return await body({ client: await open(), log, connect: open, serving: undefined });
    } finally {
      for (const client of clients) client.destroy();
    }
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  }
}

/** Something that happens once, for a handler that waits for its test. */
export class Signal {
  #happened = false;
  readonly #waiters = new Set<() => void>();

  get happened(): boolean {
    return this.#happened;
  }

  set(): void {
    this.#happened = true;
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  wait(): Promise<void> {
    return suspend<void>("signal", (resume) => {
      if (this.#happened) resume();
      this.#waiters.add(resume);
      return () => void this.#waiters.delete(resume);
    });
  }
}

/** Waits until `holds`, turn by turn of the event loop; for what nobody tells of. */
export async function waitUntil(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await suspend<void>("turn", (resume) => {
      const turn = setImmediate(resume);
      return () => clearImmediate(turn);
    });
  }
}

/** Lets the event loop go round often enough for what is on its way over loopback to arrive. */
export async function turns(count = 20): Promise<void> {
  let left = count;
  await waitUntil(() => left-- <= 0);
}
