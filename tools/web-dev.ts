/*
 * Serves the web UI from its sources, by Vite: `node tools/web-dev.ts [--root folder]`. What is changed is seen at once. It
 * listens on the loopback alone and passes `/api` on to a running API, `API_URL` (default http://127.0.0.1:8080). It runs
 * until SIGINT or SIGTERM.
 */
import { once } from "node:events";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const DEFAULT_API = "http://127.0.0.1:8080";
const ASK_TIMEOUT_MS = 3_000;

/** Why there is no API at the address, in a sentence; undefined when one answers. */
export async function missingApi(address: string): Promise<string | undefined> {
  const url = URL.parse("/api/tags", address);
  if (url === null)
    return `Cannot use API_URL: found ${JSON.stringify(address)}, wanted an address like ${DEFAULT_API}`;
  const hint = "start one with `make run`, or say where it is: make wui API_URL=http://127.0.0.1:PORT";
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    await reply.body?.cancel();
    return reply.ok ? undefined : `found no API at ${address}: it answers ${reply.status}; ${hint}`;
  } catch {
    return `found no API at ${address}: nothing answers; ${hint}`;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { root: { type: "string" } } });
  const folder = join(resolve(values.root ?? join(import.meta.dirname, "..")), "apps", "conduit-web");
  // An empty one is none, as of every setting.
  const address = (process.env["API_URL"] ||= DEFAULT_API);
  const { createServer } = await import("vite");
  const server = await createServer({
    root: folder,
    configFile: join(folder, "vite.config.ts"),
    configLoader: "native",
    server: { host: "127.0.0.1" },
    clearScreen: false,
  });
  await server.listen();
  console.log(`web: listening on ${server.resolvedUrls?.local[0] ?? "?"}, the API is ${address}`);
  const missing = await missingApi(address);
  if (missing !== undefined) console.error(`web: ${missing}`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  // Vite would have another one for SIGTERM, and for `make` that is a failure.
  process.exitCode = 0;
  await server.close();
}
