/** Clients for a program that is served through nginx. What imports it starts nginx, by tools/nginx. */
import assert from "node:assert/strict";
import { request, type Agent } from "node:https";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect, type TLSSocket } from "node:tls";
import { SERVER_NAME, type NginxRun } from "../../tools/nginx/nginx-run.ts";

export interface PlainReply {
  readonly status: number;
  readonly fields: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

export interface PlainRequest {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly content?: string | Uint8Array;
  readonly agent?: Agent;
}

const REQUEST_TIMEOUT_MS = 20_000;

/** One request over HTTP/1.1 and TLS, with the whole reply. */
export async function get(nginx: NginxRun, options: PlainRequest = {}): Promise<PlainReply> {
  const { method = "GET", path = "/", fields = {}, content, agent } = options;
  const { promise, resolve, reject } = Promise.withResolvers<PlainReply>();
  const sent = request(
    {
      host: "127.0.0.1",
      port: nginx.tlsPort,
      servername: SERVER_NAME,
      ca: nginx.certificate,
      method,
      path,
      headers: { Host: SERVER_NAME, ...fields },
      timeout: REQUEST_TIMEOUT_MS,
      agent: agent ?? false,
    },
    (reply) => {
      const pieces: Buffer[] = [];
      reply.on("data", (piece: Buffer) => pieces.push(piece));
      reply.on("error", reject);
      reply.on("end", () =>
        resolve({ status: reply.statusCode ?? 0, fields: reply.headers, text: Buffer.concat(pieces).toString() }),
      );
    },
  );
  sent.on("timeout", () => sent.destroy(new Error("no reply in time")));
  sent.on("error", reject);
  sent.end(content);
  return promise;
}

/** One request over HTTP/2. */
export async function getHttp2(
  nginx: NginxRun,
  path: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<PlainReply> {
  const session = await openHttp2(nginx);
  const { promise, resolve, reject } = Promise.withResolvers<PlainReply>();
  const stream = session.request({ ":path": path, ...fields });
  let status = 0;
  let replyFields: PlainReply["fields"] = {};
  const pieces: Buffer[] = [];
  stream.on("response", (found) => {
    status = found[":status"] ?? 0;
    replyFields = found;
  });
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  stream.on("error", reject);
  stream.on("end", () => resolve({ status, fields: replyFields, text: Buffer.concat(pieces).toString() }));
  stream.end();
  try {
    return await promise;
  } finally {
    session.close();
  }
}

async function openHttp2(nginx: NginxRun): Promise<ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Session>();
  const session = connectHttp2(`https://${SERVER_NAME}`, {
    createConnection: () => connectTls(nginx, ["h2"]),
  });
  session.once("connect", () => resolve(session));
  session.once("error", reject);
  return promise;
}

function connectTls(nginx: NginxRun, protocols: string[]): TLSSocket {
  return connect({
    host: "127.0.0.1",
    port: nginx.tlsPort,
    servername: SERVER_NAME,
    ca: nginx.certificate,
    ALPNProtocols: protocols,
  });
}

/** A connection to nginx on which bytes are sent as they are. */
export class RawClient {
  readonly socket: TLSSocket;
  #received = "";
  #isEnded = false;
  #onChange: () => void = () => {};

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    const changed = (): void => this.#onChange();
    socket.on("data", (text: string) => {
      this.#received += text;
      changed();
    });
    const ended = (): void => {
      this.#isEnded = true;
      changed();
    };
    socket.on("end", ended);
    socket.on("close", ended);
    socket.on("error", ended);
  }

  static async open(nginx: NginxRun): Promise<RawClient> {
    const socket = connectTls(nginx, ["http/1.1"]);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    await promise;
    return new RawClient(socket);
  }

  /** What has come so far, one character per byte. */
  get received(): string {
    return this.#received;
  }

  /** True when nothing will come any more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Sends text of one character per byte. */
  send(text: string): void {
    if (!this.#isEnded) this.socket.write(text, "latin1");
  }

  /** Waits until `holds`, or the end, or the time is over. Returns whether it holds. */
  async wait(holds: (received: string) => boolean, timeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#onChange = () => {
      if (this.#isEnded || holds(this.#received)) resolve();
    };
    this.#onChange();
    await promise;
    clearTimeout(timer);
    return holds(this.#received);
  }

  async waitText(text: string, timeoutMs = 10_000): Promise<void> {
    assert.ok(
      await this.wait((received) => received.includes(text), timeoutMs),
      `found no ${JSON.stringify(text)} in ${JSON.stringify(this.#received)}`,
    );
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Waits until `holds`, for what nobody tells of. */
export async function waitFor(holds: () => boolean, timeoutMs = 10_000): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 5);
    await promise;
  }
  return true;
}
