/**
 * What an idle keep-alive connection holds in the server's memory.
 *
 * Connections are opened in two steps, each makes one request, and garbage is collected before the resident memory is read.
 * What the second step added, by its connections, is the figure: what a server allocates once, and how far its young heap
 * has grown, is there from the first step on.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { MeasuredServer, type ServerPlan } from "./measured-server.ts";

const FIRST_CONNECTIONS = 2_000;
/** Opened at once: fewer than any server lets wait in its backlog. */
const BATCH = 100;
const REPLY_LIMIT_MS = 5_000;
/** Until memory that was freed is given back. */
const SETTLE_MS = 600;
const COLLECTIONS = 3;

export interface IdleMemory {
  readonly name: string;
  readonly bytesPerConnection: number;
  readonly residentBytes: number;
}

/** Measures with `connections` beyond the first ones. */
export async function measureIdleMemory(plan: ServerPlan, path: string, connections: number): Promise<IdleMemory> {
  const server = await MeasuredServer.start(plan);
  const sockets: Socket[] = [];
  try {
    await open(server, path, FIRST_CONNECTIONS, sockets);
    const before = await settledBytes(server);
    await open(server, path, connections, sockets);
    const residentBytes = await settledBytes(server);
    const gone = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    if (gone > 0) throw new Error(`Cannot measure the memory of ${plan.name}: it closed ${gone} idle connections`);
    return { name: plan.name, bytesPerConnection: (residentBytes - before) / connections, residentBytes };
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}

async function open(server: MeasuredServer, path: string, count: number, sockets: Socket[]): Promise<void> {
  for (let opened = 0; opened < count; opened += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - opened) }, () => request(server.url, path));
    sockets.push(...(await Promise.all(batch)));
  }
}

/** Opens a connection, makes a request, waits for its reply, and leaves the connection open. */
async function request(url: string, path: string): Promise<Socket> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  let reply = "";
  while (!/\r\n\r\n.*\}$/s.test(reply)) {
    const [bytes] = (await once(socket, "data", { signal: AbortSignal.timeout(REPLY_LIMIT_MS) })) as [Buffer];
    reply += bytes.toString("latin1");
  }
  if (!reply.startsWith("HTTP/1.1 200 "))
    throw new Error(`Cannot measure memory: found the reply ${reply.slice(0, 80)}`);
  socket.on("error", () => {});
  return socket;
}

async function settledBytes(server: MeasuredServer): Promise<number> {
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    server.signal("SIGUSR2");
    await sleep(SETTLE_MS);
  }
  return server.usage().residentBytes;
}
