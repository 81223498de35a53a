/**
 * The two servers that the table is run against, with the same application: it says what it has read as the request's
 * method, target and content.
 */
import { createServer, type Server as NodeServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { MessageLimits } from "../../../packages/lunet/src/http/limits.ts";
import {
  Router,
  serve,
  staticFiles,
  text,
  type HttpRequest,
  type Reply,
  type Server,
} from "../../../packages/lunet/src/http/mod.ts";
import { METHOD_FIELD } from "./replies.ts";

/** What the application says: one line, then the content. */
export function echoOf(method: string, target: string, content: string): string {
  return `${method} ${target}\n${content}`;
}

const PIECES = ["a stream ", "of two pieces\n"];
const PLAIN = "text/plain; charset=iso-8859-1";

async function* pieces(): AsyncGenerator<string> {
  yield* PIECES;
}

async function echo(request: HttpRequest): Promise<Reply> {
  const { method, target } = request.head;
  const fields = { [METHOD_FIELD]: method, "Content-Type": PLAIN };
  const content = Buffer.from(await request.bytes()).toString("latin1");
  switch (request.path) {
    case "/204":
      return { status: 204 };
    case "/304":
      return { status: 304 };
    case "/stream":
      return { status: 200, fields, content: pieces() };
    default:
      return { status: 200, fields, content: Buffer.from(echoOf(method, target, content), "latin1") };
  }
}

const FILES = join(import.meta.dirname, "files");

/** Lunet with a router: its root has five methods, one path GET alone, one has files, and any other path any method. */
export function lunetApplication(): Router {
  const router = new Router({ notFound: echo });
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) router.route(method, "/", echo);
  router.get("/files/*path", staticFiles(FILES, { prefix: "/files" }));
  return router.get("/get-only", () => text("here\n"));
}

/** Lunet on a port of its own, with its default limits but those given. Called in a coroutine. */
export function serveLunet(limits: Partial<MessageLimits> = {}): Promise<Server> {
  return serve(lunetApplication(), { port: 0, limits });
}

/** `node:http` as it comes, on a port of its own. */
export async function serveNode(): Promise<NodeServer> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    // A request that breaks off is answered by the server itself.
    request.on("error", () => {});
    request.on("end", () => {
      answer(request.method ?? "", request.url ?? "", Buffer.concat(parts).toString("latin1"), response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

export function portOf(server: NodeServer): number {
  return (server.address() as AddressInfo).port;
}

export function closeNode(server: NodeServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function answer(method: string, target: string, content: string, response: ServerResponse): void {
  if (target === "/204" || target === "/304") {
    response.writeHead(Number(target.slice(1))).end();
    return;
  }
  response.setHeader(METHOD_FIELD, method);
  response.setHeader("Content-Type", PLAIN);
  if (target === "/stream") {
    for (const piece of PIECES) response.write(piece);
    response.end();
  } else response.end(Buffer.from(echoOf(method, target, content), "latin1"));
}
