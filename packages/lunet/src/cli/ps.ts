/** `lunet ps`: asks traced programs what they do, over their sockets. */
import { askSocket } from "../host/inspector-client.ts";
import { listSockets, processState, socketFolders, socketOf } from "../host/inspector-folder.ts";
import { printableLines } from "../host/printable.ts";
import { refuseUsage } from "./usage.ts";

/** For one answer, in milliseconds. A program that holds its event loop for longer says nothing. */
const ANSWER_MS = 3_000;
/** Asked at once by the list. */
const MAX_LISTED = 256;

/** Prints what a program does, or the list of programs. Gives the exit status: 1 when nobody answered. */
export async function psCommand(args: readonly string[]): Promise<number> {
  const isJson = args.includes("--json");
  const [target, ...more] = args.filter((arg) => arg !== "--json");
  const unknown = target?.startsWith("-") === true ? target : more[0];
  if (unknown !== undefined) return refuseUsage("ps", `"${unknown}"`, "[--json] [<pid or socket>]");
  if (target === undefined) return isJson ? refuseUsage("ps", "--json alone", "a pid or a socket") : listPrograms();
  try {
    const socket = /^\d+$/.test(target) ? findSocket(Number(target)) : target;
    const answer = await askSocket(socket, isJson ? "/snapshot.json" : "/tree.txt", ANSWER_MS);
    process.stdout.write(isJson ? `${answer}\n` : printableLines(answer));
    return 0;
  } catch (error) {
    process.stderr.write(`lunet ps: Cannot ask "${target}": ${explain(error)}\n`);
    return 1;
  }
}

const WANTED = "a program in the trace build (lunet trace app.ts) that has begun to run()";

function findSocket(pid: number): string {
  const folders = socketFolders(process.env);
  for (const folder of folders) {
    const found = listSockets(folder).find((socket) => socket.pid === pid);
    if (found !== undefined) return found.path;
  }
  const state = processState(pid);
  if (state === "gone") throw new Error(`found no process ${pid}, wanted ${WANTED}`);
  if (state === "foreign") throw new Error(`found that process ${pid} is another user's, wanted one of your own`);
  const places = folders.map((folder) => socketOf(folder, pid)).join(" or ");
  throw new Error(`found no socket ${places}, wanted ${WANTED}, without LUNET_TRACE_SOCKET`);
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return `found nothing at this path, wanted the socket of ${WANTED}`;
    case "ECONNREFUSED":
      return "found a socket that nobody listens on any more: its program has ended";
    case "EACCES":
    case "EPERM":
      return "found a socket of another user, wanted one of your own";
    case "ETIMEDOUT":
      return `found no answer within ${ANSWER_MS / 1_000} s, wanted one: the program is stopped, or holds its event loop`;
    default:
      return message;
  }
}

async function listPrograms(): Promise<number> {
  const lines: string[] = [];
  for (const folder of socketFolders(process.env)) {
    try {
      const asked = listSockets(folder).slice(0, MAX_LISTED).map(describeProgram);
      lines.push(...(await Promise.all(asked)).filter((line) => line !== undefined));
    } catch (error) {
      process.stderr.write(`lunet ps: ${(error as Error).message}\n`);
      return 1;
    }
  }
  const text = lines.length === 0 ? "no traced program runs" : [row("pid", "program"), ...lines].join("\n");
  process.stdout.write(printableLines(`${text}\n`));
  return 0;
}

async function describeProgram({
  pid,
  path,
}: {
  readonly pid: number;
  readonly path: string;
}): Promise<string | undefined> {
  try {
    const { program } = JSON.parse(await askSocket(path, "/process.json", ANSWER_MS)) as { program: string };
    return row(String(pid), program);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A program that has ended without taking its socket away, or that ends just now, is none.
    if (code === "ECONNREFUSED" || code === "ENOENT") return undefined;
    return row(String(pid), `(${explain(error)})`);
  }
}

function row(pid: string, program: string): string {
  return `${pid.padEnd(10)}  ${program}`;
}
