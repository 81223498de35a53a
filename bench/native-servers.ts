/** The servers of the hello contest that are no JavaScript: nginx with one worker, and our own epoll loop in C. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ServerPlan } from "./measured-server.ts";
import { hello } from "./peers/hello.ts";

const run = promisify(execFile);
const RUN_LIMIT_MS = 60_000;
const source = fileURLToPath(new URL("c/epoll-hello.c", import.meta.url));

/** Builds the epoll loop into `folder`. `undefined`, and a word about it, where there is no compiler. */
export async function planEpoll(folder: string): Promise<ServerPlan | undefined> {
  const program = join(folder, "epoll-hello");
  const name = "C, epoll loop";
  if ((await versionOf("cc", ["--version"])) === undefined) return leaveOut(name, "cc");
  await run("cc", ["-O2", "-Wall", "-Wextra", "-o", program, source], { timeout: RUN_LIMIT_MS });
  return { name, program, runtime: [], env: {} };
}

/** Writes a configuration of its own into `folder`. `undefined`, and a word about it, where there is no nginx. */
export async function planNginx(folder: string): Promise<ServerPlan | undefined> {
  const version = /nginx\/(\S+)/.exec((await versionOf("nginx", ["-v"])) ?? "")?.[1];
  if (version === undefined) return leaveOut("nginx", "nginx");
  const prefix = join(folder, "nginx");
  await mkdir(prefix, { recursive: true });
  const port = await freePort();
  const file = join(prefix, "nginx.conf");
  await writeFile(file, nginxConfiguration(prefix, port));
  const args = ["-p", prefix, "-c", file, "-e", join(prefix, "error.log")];
  const url = `http://127.0.0.1:${port}`;
  return { name: `nginx ${version}, return 200`, program: "nginx", runtime: [], args, env: {}, url };
}

/** What a command says of its version, on either output; `undefined` when there is no such command. */
async function versionOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(command, args, { timeout: RUN_LIMIT_MS });
    return stdout + stderr;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function leaveOut(name: string, command: string): undefined {
  console.log(`bench: leaves out "${name}": found no "${command}" on the PATH`);
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function nginxConfiguration(prefix: string, port: number): string {
  // A user of its own would not get into the folder; the directive holds for root alone.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  return `${user}daemon off;
worker_processes 1;
pid ${prefix}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  server_tokens off;
  keepalive_requests 1000000000;
  client_body_temp_path ${prefix}/content;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  server {
    listen 127.0.0.1:${port};
    default_type "application/json; charset=utf-8";
    location = / { return 200 '${JSON.stringify(hello)}'; }
  }
}
`;
}
