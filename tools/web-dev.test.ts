import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { missingApi } from "./web-dev.ts";

/** An API that answers everything with the status, and its address. */
async function api(t: TestContext, status: number): Promise<{ server: Server; address: string }> {
  const server = createServer((request, reply) => void reply.writeHead(status).end(`asked ${request.url}`));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("an API that is not there is told, with what to do", async (t) => {
  assert.equal(await missingApi((await api(t, 200)).address), undefined);
  assert.match((await missingApi((await api(t, 502)).address)) ?? "", /it answers 502; start one with `make run`/);
  const { server, address } = await api(t, 200);
  server.close();
  await once(server, "close");
  assert.equal(
    await missingApi(address),
    `found no API at ${address}: nothing answers; start one with \`make run\`, or say where it is: make wui API_URL=http://127.0.0.1:PORT`,
  );
  assert.match((await missingApi("nonsense")) ?? "", /^Cannot use API_URL: found "nonsense", wanted/);
});

test("the sources are served on the loopback, the API is passed on, and a signal ends it with status 0", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "lunet-web-dev-"));
  t.after(() => rmSync(root, { recursive: true }));
  const folder = join(root, "apps", "conduit-web");
  mkdirSync(folder, { recursive: true });
  const config = `export default { server: { proxy: { "/api": process.env.API_URL } } };`;
  writeFileSync(join(folder, "vite.config.ts"), config);
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>A page of a test</title>");
  const { address } = await api(t, 200);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "web-dev.ts"), "--root", root], {
      env: { ...process.env, API_URL: address },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const [, own, passedTo] =
      /^web: listening on (http:\/\/127\.0\.0\.1:\d+)\/, the API is (\S+)\n/.exec(String(line)) ?? [];
    assert.equal(passedTo, address, String(line));
    assert.match(await (await fetch(`${own}/`)).text(), /A page of a test/);
    assert.equal(await (await fetch(`${own}/api/articles?tag=a`)).text(), "asked /api/articles?tag=a");
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [0, null]);
  }
});
