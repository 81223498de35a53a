/** A drain serves whoever the kernel has connected already, however many they are: a close of the listener would reset them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn, until } from "../../../packages/lunet/src/co/mod.ts";
import { serve, text, type ServeOptions } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";

const CLIENTS = 50;

/** Connects, sends a request, and gives the first line of the reply, or the error's code. */
function ask(where: { readonly path: string } | { readonly port: number }): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host: "127.0.0.1", ...where });
  socket.setEncoding("latin1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  socket.once("data", (reply: string) => {
    socket.destroy();
    resolve(reply.slice(0, reply.indexOf("\r\n")));
  });
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "failed"));
  socket.once("end", () => resolve("the end"));
  return promise;
}

for (const over of ["tcp", "unix"] as const) {
  coroutineTest(`${CLIENTS} clients that have connected when a drain begins are answered, over ${over}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "lunet-drain-"));
    try {
      const options: ServeOptions = over === "unix" ? { path: join(folder, "s") } : { port: 0 };
      const server = await serve(() => text("hello\n"), options);
      // The kernel completes these before anybody accepts.
      const asking = Array.from({ length: CLIENTS }, () =>
        ask(over === "unix" ? { path: join(folder, "s") } : { port: server.port }),
      );
      const closing = spawn(() => server.close());
      const replies = await until(Promise.all(asking));
      assert.deepEqual(new Set(replies), new Set(["HTTP/1.1 200 OK"]));
      await closing.join();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
