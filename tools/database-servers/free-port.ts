import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that systems give to outgoing connections (32768 on Linux, 49152 elsewhere): one of those could take
 * a server's port while the server restarts.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const MAX_TRIES = 100;

/**
 * Returns a port of 127.0.0.1 on which nothing listens now, at random, so that runs side by side rarely meet. It adds the
 * port to `given`, and gives none that is in there.
 */
export async function findFreePort(given: Set<number>): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`Cannot find a free port: found ${MAX_TRIES} taken between ${FIRST_PORT} and ${LAST_PORT}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch {
    return false; // Taken, or not ours to take.
  }
  server.close();
  await once(server, "close");
  return true;
}
