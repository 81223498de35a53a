/** nginx, as it is deployed (tools/nginx), in front of the program of a test file. */
import { createServer, connect, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { NginxRun, SERVER_NAME } from "../../../tools/nginx/nginx-run.ts";

/** The name by which nginx serves. */
export const NGINX_NAME = SERVER_NAME;

export interface Proxy {
  /** `https://NAME:PORT`. */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Starts nginx. It knows its servers by their sockets, and the program may come back on another port: what nginx sends is
 * carried to the port of the moment, byte by byte.
 */
export async function proxyFor(port: () => number): Promise<Proxy> {
  const root = join(import.meta.dirname, "..", "..", "..");
  const logs = process.env["LUNET_TEST_LOGS"] ?? join(root, ".tmp", "logs");
  const nginx = await NginxRun.start({ root, logs });
  const open = new Set<Socket>();
  const carrier = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ host: "127.0.0.1", port: port(), allowHalfOpen: true });
    for (const socket of [client, server]) {
      open.add(socket);
      socket.once("close", () => {
        open.delete(socket);
        client.destroy();
        server.destroy();
      });
      socket.on("error", () => {});
    }
    client.pipe(server);
    server.pipe(client);
  });
  carrier.listen(nginx.socketA);
  await once(carrier, "listening");
  nginx.open(nginx.socketA);
  return {
    origin: `https://${SERVER_NAME}:${nginx.tlsPort}`,
    close: async () => {
      for (const socket of open) socket.destroy();
      carrier.close();
      await nginx.close();
    },
  };
}
