/** Lunet behind nginx, as deploy/nginx/lunet.conf configures it: what each side sees, and what happens when one goes. */
import assert from "node:assert/strict";
import { spawn as spawnProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { Agent } from "node:https";
import { request as requestPlain, type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { after, before } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { WebSocket, type ClientOptions } from "ws";
import { spawn, until, type Coroutine } from "lunet";
import {
  json,
  serve,
  serveConnection,
  text,
  webSocket,
  type Handler,
  type ServeOptions,
  type Server,
} from "lunet/http";
import { listen } from "lunet/net";
import { coroutineTest } from "lunet/testing";
import { NginxRun, SERVER_NAME } from "../../tools/nginx/nginx-run.ts";
import { get, getHttp2, RawClient, waitFor } from "./behind-nginx.ts";

const root = join(import.meta.dirname, "..", "..");
let nginx: NginxRun;
before(async () => {
  nginx = await NginxRun.start({ root, logs: process.env["LUNET_TEST_LOGS"] ?? join(root, ".tmp", "nginx-logs") });
});
after(async () => nginx.close());

/** Serves on one of the two sockets that nginx knows. */
async function serveBehind(handler: Handler, options: ServeOptions = {}, path = nginx.socketA): Promise<Server> {
  const server = await serve(handler, { trustedProxies: ["unix"], ...options, path });
  nginx.open(path);
  return server;
}

const whoAsks: Handler = (request) =>
  json({
    address: request.clientAddress,
    scheme: request.scheme,
    authority: request.authority,
    host: request.host,
    fields: Object.fromEntries(request.head.fieldLines()),
  });

interface Seen {
  readonly address: string;
  readonly scheme: string;
  readonly authority: string;
  readonly host: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What clients say who want to be taken for somebody else. */
const FORGED = {
  "X-Forwarded-For": "203.0.113.7",
  "X-Forwarded-Proto": "ftp",
  "X-Forwarded-Host": "evil.example",
  "X-Forwarded-Port": "1",
  "X-Real-IP": "203.0.113.7",
  Forwarded: "for=203.0.113.7;host=evil.example;proto=http",
  "X-Request-Id": "forged",
};

async function checkSeen(content: string): Promise<void> {
  const seen = JSON.parse(content) as Seen;
  assert.equal(seen.address, "127.0.0.1");
  assert.equal(seen.scheme, "https");
  assert.equal(seen.authority, `${SERVER_NAME}:${nginx.tlsPort}`);
  assert.equal(seen.host, SERVER_NAME);
  assert.equal(seen.fields["x-forwarded-for"], "127.0.0.1");
  assert.equal(seen.fields["x-real-ip"], undefined);
  assert.equal(seen.fields["forwarded"], undefined);
  assert.match(seen.fields["x-request-id"] ?? "", /^[0-9a-f]{32}$/);
  // nginx writes its log when the request has ended, which is after we have the reply.
  const id = seen.fields["x-request-id"] ?? "none";
  assert.ok(await until(waitFor(() => nginx.accessLog.some((line) => line.includes(id)))));
}

coroutineTest(
  "lunet sees the client's address, scheme and host, and nothing that the client says of them",
  async () => {
    await using _server = await serveBehind(whoAsks);
    for (const fields of [{}, FORGED] as ReadonlyArray<Readonly<Record<string, string>>>) {
      await checkSeen((await until(get(nginx, { fields }))).text);
      const lower = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
      await checkSeen((await until(getHttp2(nginx, "/", lower))).text);
    }
  },
);

coroutineTest("the path and the query come as the client wrote them", async () => {
  await using _server = await serveBehind((request) => text(request.target));
  for (const path of ["/a%2Fb//c/./d?x=%20&y=a+b", "/%C3%A4?", "/a;b=c?a=1&a=2"]) {
    assert.equal((await until(get(nginx, { path }))).text, path);
  }
});

coroutineTest("200 requests, 8 at a time, share few connections to lunet, which stay open", async () => {
  let accepted = 0;
  await using listener = await listen({ path: nginx.socketA });
  nginx.open(nginx.socketA);
  const accepting: Coroutine<void> = spawn(async () => {
    for (;;) {
      const connection = await listener.accept();
      accepted++;
      spawn(() => serveConnection((request) => text(request.field("connection") ?? "none"), connection));
    }
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const replies = await until(Promise.all(Array.from({ length: 200 }, () => get(nginx, { agent }))));
  agent.destroy();
  for (const reply of replies) assert.deepEqual([reply.status, reply.text], [200, "none"]);
  assert.ok(accepted <= 16, `found ${accepted} connections for 200 requests`);
  accepting.cancel();
});

coroutineTest("a stream arrives piece by piece, and a client that leaves cancels it", async () => {
  const steps: Array<PromiseWithResolvers<void>> = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const left = Promise.withResolvers<void>();
  await using _server = await serveBehind(() => ({
    status: 200,
    fields: { "Content-Type": "text/event-stream" },
    content: (async function* () {
      try {
        for (const [at, step] of steps.entries()) {
          yield `data: ${at}\n\n`;
          await until(step.promise);
        }
        await until(Promise.withResolvers<void>().promise);
      } finally {
        left.resolve();
      }
    })(),
  }));
  const client = await until(RawClient.open(nginx));
  client.send(`GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n\r\n`);
  for (const [at, step] of steps.entries()) {
    await until(client.waitText(`data: ${at}\n\n`));
    assert.ok(!client.received.includes(`data: ${at + 1}`));
    step.resolve();
  }
  client.close();
  await until(left.promise);
});

coroutineTest("a WebSocket is echoed over TLS, and codes of both sides get through", async () => {
  const codes: unknown[] = [];
  await using _server = await serveBehind(
    webSocket(async (socket) => {
      for await (const message of socket) {
        if (message === "close") return socket.close(4002, "as you wish");
        await socket.send(message);
      }
      codes.push(socket.closeCode);
    }),
  );
  const open = async (origin?: string): Promise<WebSocket> => {
    const options: ClientOptions & ConnectionOptions = {
      headers: { Host: `${SERVER_NAME}:${nginx.tlsPort}` },
      servername: SERVER_NAME,
      ca: nginx.certificate,
      ...(origin !== undefined && { origin }),
    };
    const socket = new WebSocket(`wss://127.0.0.1:${nginx.tlsPort}/`, options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("open", resolve);
    socket.once("error", reject);
    await until(promise);
    return socket;
  };
  const closing = async (socket: WebSocket): Promise<unknown> => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.once("close", (code, reason) => resolve([code, reason.toString()]));
    return until(promise);
  };
  const first = await open(`https://${SERVER_NAME}:${nginx.tlsPort}`);
  const echoes: string[] = [];
  const all = Promise.withResolvers<void>();
  first.on("message", (data: Buffer) => {
    echoes.push(data.toString());
    if (echoes.length === 100) all.resolve();
  });
  for (let count = 0; count < 100; count++) first.send(`${count} ${"x".repeat(count * 100)}`);
  await until(all.promise);
  assert.deepEqual(
    echoes.map((one) => Number.parseInt(one)),
    Array.from({ length: 100 }, (_, at) => at),
  );
  const closed = closing(first);
  first.close(4001, "bye");
  assert.deepEqual(await closed, [4001, "bye"]);
  const second = await open();
  const alsoClosed = closing(second);
  second.send("close");
  assert.deepEqual(await alsoClosed, [4002, "as you wish"]);
  assert.deepEqual(codes, [4001]);
  await assert.rejects(open("https://evil.example"), /403/);
  await assert.rejects(open(`http://${SERVER_NAME}:${nginx.tlsPort}`), /403/);
});

coroutineTest("an upgrade to anything but a WebSocket is not passed on", async () => {
  await using _server = await serveBehind((request) =>
    json([request.upgrades, request.field("connection") ?? null, request.field("upgrade") ?? null]),
  );
  const fields = {
    Connection: "Upgrade, HTTP2-Settings",
    Upgrade: "h2c",
    "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA",
  };
  const client = await until(RawClient.open(nginx));
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  client.send(`GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n${lines.join("")}\r\n`);
  await until(client.waitText("[[],null,null]"));
  client.close();
});

coroutineTest("an upload streams: its first piece is there before its last is sent", async () => {
  const first = Promise.withResolvers<void>();
  await using _server = await serveBehind(async (request) => {
    let bytes = 0;
    for await (const piece of request.content()) {
      bytes += piece.length;
      first.resolve();
    }
    return text(String(bytes));
  });
  for (const framing of ["Content-Length: 500001", "Transfer-Encoding: chunked"]) {
    const isChunked = framing.startsWith("T");
    const piece = (content: string): string =>
      isChunked ? `${content.length.toString(16)}\r\n${content}\r\n` : content;
    const client = await until(RawClient.open(nginx));
    client.send(`POST / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n${framing}\r\n\r\n${piece("x".repeat(500_000))}`);
    await until(first.promise);
    client.send(piece("x") + (isChunked ? "0\r\n\r\n" : ""));
    await until(client.waitText("\r\n\r\n500001"));
    client.close();
  }
});

coroutineTest("content of 1 MiB passes; one byte more is nginx's 413, which lunet does not hear of", async () => {
  const seen: number[] = [];
  await using _server = await serveBehind(async (request) => {
    const { length } = await request.bytes();
    seen.push(length);
    return text(String(length));
  });
  const passes = await until(get(nginx, { method: "POST", content: Buffer.alloc(1_048_576) }));
  assert.deepEqual([passes.status, passes.text], [200, "1048576"]);
  const refused = await until(get(nginx, { method: "POST", content: Buffer.alloc(1_048_577) }));
  assert.equal(refused.status, 413);
  assert.match(refused.text, /nginx/);
  assert.deepEqual(seen, [1_048_576]);
});

coroutineTest("lunet's own 413 gets through where its limit is the smaller one", async () => {
  await using _server = await serveBehind(async (request) => text(await request.text()), {
    limits: { maxContentBytes: 1_000 },
  });
  const refused = await until(get(nginx, { method: "POST", content: Buffer.alloc(1_001) }));
  assert.deepEqual([refused.status, refused.text], [413, "413 Content Too Large\n"]);
});

coroutineTest("a name that is not ours gets nothing, and plain HTTP leads to TLS", async () => {
  await using _server = await serveBehind(() => text("lunet"));
  const client = await until(RawClient.open(nginx));
  client.send("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
  await until(client.waitText("HTTP/1.1 421"));
  client.close();
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; fields: IncomingHttpHeaders }>();
  const headers = { Host: SERVER_NAME };
  const plain = requestPlain(
    { host: "127.0.0.1", port: nginx.plainPort, path: "/a?b", headers, agent: false },
    (reply) => {
      reply.resume();
      resolve({ status: reply.statusCode ?? 0, fields: reply.headers });
    },
  );
  plain.once("error", reject);
  plain.end();
  const { status, fields } = await until(promise);
  assert.deepEqual([status, fields.location], [308, `https://${SERVER_NAME}/a?b`]);
});

coroutineTest("while nobody listens the answer is 503 with Retry-After", async () => {
  const reply = await until(get(nginx));
  assert.deepEqual([reply.status, reply.fields["retry-after"], reply.text], [503, "1", "503 Service Unavailable\n"]);
});

coroutineTest(
  "a restart under load, from one socket to the other and back, loses no request",
  async () => {
    let answered = 0;
    const handler =
      (name: string): Handler =>
      async (request) => {
        // Some wait, so that each drain finds requests under way.
        if (answered++ % 5 === 0) await until(Promise.resolve());
        return text(`${name} ${request.query("n")}`);
      };
    let serving = await serveBehind(handler("0"));
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    let isDone = false;
    let sent = 0;
    const seen = new Set<string>();
    const loads = Array.from({ length: 8 }, async () => {
      while (!isDone) {
        const number = String(sent++);
        const reply = await get(nginx, { path: `/?n=${number}`, agent });
        assert.equal(
          reply.status,
          200,
          `nginx says: ${nginx.errorLog
            .split("\n")
            .filter((line) => line.includes(`/?n=${number} `))
            .join("\n")}`,
        );
        const [name = "", echo] = reply.text.split(" ");
        assert.equal(echo, number);
        seen.add(name);
      }
    });
    const load = Promise.all(loads);
    load.catch(() => {});
    for (let restart = 1; restart <= 6; restart++) {
      const next = await serveBehind(handler(String(restart)), {}, restart % 2 === 1 ? nginx.socketB : nginx.socketA);
      await serving.close();
      const name = String(restart);
      assert.ok(await until(waitFor(() => seen.has(name))), `found nobody served by restart ${name}`);
      serving = next;
    }
    isDone = true;
    await until(load);
    await serving.close();
    agent.destroy();
    assert.ok(sent > 50, `found ${sent} requests only`);
  },
  { timeoutMs: 40_000 },
);

coroutineTest("nginx ends with the process that started it, also by kill -9", async () => {
  const program = `
    import { NginxRun } from ${JSON.stringify(join(root, "tools", "nginx", "nginx-run.ts"))};
    const run = await NginxRun.start({ root: ${JSON.stringify(root)}, logs: ${JSON.stringify(join(root, ".tmp", "nginx-logs"))} });
    console.log(JSON.stringify({ ...run.pids, folder: run.folder }));
    setInterval(() => {}, 1000);`;
  const child = spawnProcess(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  child.stdout.once("data", (line: Buffer) => resolve(line.toString()));
  const started = JSON.parse(await until(promise)) as { nginx: number; guardian: number; folder: string };
  const commandOf = (pid: number): string =>
    existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
  if (process.platform === "linux") assert.match(commandOf(started.nginx), /nginx/);
  child.kill("SIGKILL");
  assert.ok(await until(waitFor(() => !existsSync(started.folder))), "found its folder left");
  assert.ok(!commandOf(started.nginx).includes("nginx"), "found nginx alive");
});
