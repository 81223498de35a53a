// Clients that hang on, as a process of their own: node hang-on.ts PORT KIND COUNT. It says "hanging" when all are connected, and
// ends with its parent's channel. A client that the server throws out comes again after a second.
import { pause, RawClient, HELLO } from "./raw-client.ts";

const [, , portText = "", kind = "idle", countText = ""] = process.argv;
const port = Number(portText);
const count = Number(countText);
/** Connections that are opened at once. */
const BATCH = 100;
let thrownOut = 0;
let bytesTaken = 0;
let opened = 0;

let dripping = 0;

/** Sends a byte a second for as long as the server lets it, each client at a time of its own within the second. */
async function drip(client: RawClient, head: string): Promise<void> {
  client.socket.write(head, "latin1");
  dripping++;
  await Promise.race([pause((dripping * 617) % 1_000), client.closed]);
  while (!client.isClosed) {
    await Promise.race([pause(1_000), client.closed]);
    if (!client.isClosed) client.socket.write("x");
  }
}

const KINDS: Readonly<Record<string, (client: RawClient) => Promise<void>>> = {
  "slow heads": (client) => {
    client.socket.resume();
    return drip(client, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
  },
  "slow content": (client) => {
    client.socket.resume();
    return drip(client, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  },
  "big replies, unread": (client) => {
    client.socket.write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n", "latin1");
    return client.closed;
  },
  "pipelined, unread": async (client) => {
    const batch = Buffer.from(HELLO.repeat(1_000), "latin1");
    for (let sent = 0; sent < 200 && !client.isClosed; sent++) {
      if (client.socket.write(batch)) continue;
      const drained = new Promise<void>((resolve) => client.socket.once("drain", () => resolve()));
      await Promise.race([drained, client.closed]);
    }
    await client.closed;
  },
  "pipelined, read": async (client) => {
    client.socket.on("data", (bytes: Buffer) => (bytesTaken += bytes.length));
    await KINDS["pipelined, unread"]?.(client);
  },
  "come and go": async (client) => {
    client.socket.resume();
    if (opened++ % 2 === 0) client.socket.write(HELLO, "latin1");
    await client.close();
  },
  idle: async (client) => {
    client.socket.write(HELLO, "latin1");
    client.socket.resume();
    await client.closed;
  },
};

async function hang(act: (client: RawClient) => Promise<void>, connected: () => void): Promise<void> {
  for (let first = true; process.connected; first = false) {
    const client = await RawClient.open(port);
    if (first) connected();
    await act(client);
    thrownOut++;
    if (kind !== "come and go") await pause(1_000);
  }
}

const act = KINDS[kind];
if (act === undefined) throw new Error(`Cannot hang on: found the kind "${kind}"`);
for (let begun = 0; begun < count; begun += BATCH) {
  const batch = Array.from({ length: Math.min(BATCH, count - begun) }, () => Promise.withResolvers<void>());
  for (const { resolve, reject } of batch) hang(act, resolve).catch(reject);
  await Promise.all(batch.map(({ promise }) => promise));
}
process.on("message", () => process.send?.({ thrownOut, bytesTaken }));
process.on("disconnect", () => process.exit(0));
process.send?.("hanging");
