/**
 * What the trace build tells while the program runs: on a Unix socket of the user's own, which `lunet ps` asks, and, when
 * `LUNET_TRACE_PORT` is set, as a page on loopback.
 *
 *   /               the page
 *   /snapshot.json  everything, as `lunet ps --json` prints it; with `?request=<number>` what the page draws: the parts of
 *                   that request's time alone, and only the places where something lives
 *   /tree.txt       the live tree, as `lunet ps` and SIGUSR2 print it
 *   /summary.txt    the summary that is written at exit, as of now
 *   /process.json   which process this is
 */
import { type InspectorReply, listenOnLoopback, listenOnSocket, removeDesertedSockets } from "../host/inspector.ts";
import { makeSocketFolder, socketFolders, socketOf } from "../host/inspector-folder.ts";
import { writeStderrNow } from "../host/process.ts";
import { PAGE_HTML, PAGE_ICON, PAGE_STYLE } from "./page.ts";
import { PAGE_SCRIPT } from "./page-script.ts";
import type { TraceSettings } from "./settings.ts";
import { type Snapshot, snapshot, treeText } from "./snapshot.ts";
import { summaryText } from "./summary.ts";

/** Places that the page lists. */
const MAX_PLACES = 50;

/** Begins to listen, as the settings say. It never fails: a program that cannot be watched runs all the same. */
export async function openInspector({ socket, port }: Pick<TraceSettings, "socket" | "port">): Promise<void> {
  if (socket !== "off") await attempt(() => openSocket(socket));
  if (port !== undefined) await attempt(() => openPage(port));
}

async function attempt(open: () => Promise<void>): Promise<void> {
  try {
    await open();
  } catch (error) {
    writeStderrNow(`lunet trace: ${(error as Error).message}; the program goes on without it\n`);
  }
}

async function openSocket(path: string | undefined): Promise<void> {
  if (path !== undefined) return listenOnSocket(path, inspect);
  const [folder] = socketFolders(process.env);
  makeSocketFolder(folder);
  await listenOnSocket(socketOf(folder, process.pid), inspect);
  await removeDesertedSockets(folder);
}

async function openPage(port: number): Promise<void> {
  const actual = await listenOnLoopback(port, inspect);
  writeStderrNow(`lunet trace: page at http://127.0.0.1:${actual}/\n`);
}

/** Answers a request; undefined for a path that there is not. */
export function inspect(path: string, query: URLSearchParams): InspectorReply | undefined {
  switch (path) {
    case "/":
      return { type: "text/html", body: PAGE_HTML };
    case "/page.css":
      return { type: "text/css", body: PAGE_STYLE };
    case "/page.js":
      return { type: "text/javascript", body: PAGE_SCRIPT };
    case "/icon.svg":
      return { type: "image/svg+xml", body: PAGE_ICON };
    case "/snapshot.json":
      return json(query.has("request") ? drawn(snapshot(), Number(query.get("request"))) : snapshot());
    case "/tree.txt":
      return { type: "text/plain", body: treeText(snapshot()) };
    case "/summary.txt":
      return { type: "text/plain", body: summaryText() };
    case "/process.json":
      return json({ pid: process.pid, program: process.argv[1] ?? "" });
    default:
      return undefined;
  }
}

function json(value: unknown): InspectorReply {
  return { type: "application/json", body: JSON.stringify(value) };
}

/** The part of a snapshot that the page draws, which asks for it every second. */
function drawn(shot: Snapshot, requestId: number): object {
  const places = shot.sites.filter(({ live }) => live > 0).sort((a, b) => b.live - a.live);
  return {
    ...shot,
    sites: places.slice(0, MAX_PLACES),
    requests: shot.requests.map(({ spans, ...request }) => ({
      ...request,
      spanCount: spans.length,
      spans: request.id === requestId ? spans : undefined,
    })),
  };
}
