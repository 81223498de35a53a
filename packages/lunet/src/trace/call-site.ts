/**
 * The line that a hook was called for: the first frame, from the innermost, that is the program's and not the runtime's.
 *
 * The engine gives the frames of the functions that run and, past the first `await`, of those that wait for them. Only
 * positions are taken out of them, never a receiver, which would keep alive what the ledger watches. A position's text is
 * made once. One capture costs about 3 µs.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Frames that are looked at; the program's own are seldom further away. */
const MAX_FRAMES = 30;

const RUNTIME = new URL("..", import.meta.url).href;
/** Where the program was started: it may go elsewhere, and its lines keep their names. */
const HOME = startFolder();
/** Code below the runtime's folder that stands for a program's: tests, and the suites that tests call. */
const OURS_AS_USERS = /\.test\.ts$|\/testing\/(?!coroutine-test)/;
const LEDGER = /\/trace\/[^/]+$/;
const INNERMOST = /\/(?:co|host)\/[^/]+$/;

interface SourceFile {
  /** How near to the program's own code the file is: 0 the platform, 1 the runtime's middle, 2 its front, 3 the program. */
  readonly rank: number;
  readonly name: string;
  readonly positions: Map<number, string>;
}

function startFolder(): string {
  try {
    return process.cwd();
  } catch {
    return "/"; // The folder is gone: paths are told whole.
  }
}

const files = new Map<string, SourceFile>();

function fileOf(fileName: string): SourceFile {
  let file = files.get(fileName);
  if (file === undefined) files.set(fileName, (file = describeFile(fileName)));
  return file;
}

function describeFile(fileName: string): SourceFile {
  const isUrl = fileName.startsWith("file:");
  const path = isUrl ? fileURLToPath(fileName) : fileName;
  const positions = new Map<number, string>();
  if (fileName.startsWith("node:") || !path.startsWith("/")) return { rank: isUrl ? 3 : 0, name: path, positions };
  const near = relative(HOME, path);
  const name = near.startsWith("../../..") ? path : near;
  if (!fileName.startsWith(RUNTIME) || OURS_AS_USERS.test(fileName)) return { rank: 3, name, positions };
  if (LEDGER.test(fileName)) return { rank: 0, name, positions };
  return { rank: INNERMOST.test(fileName) ? 1 : 2, name, positions };
}

/** More lines than a file has columns: one number for a position. */
const COLUMNS = 2 ** 20;

function positionOf(file: SourceFile, frame: NodeJS.CallSite): string {
  const line = frame.getLineNumber() ?? 0;
  const column = frame.getColumnNumber() ?? 0;
  const key = line * COLUMNS + column;
  let text = file.positions.get(key);
  if (text === undefined) {
    const name = frame.getFunctionName();
    text = `${file.name}:${line}:${column}${name === null || name === "" ? "" : ` in ${name}`}`;
    file.positions.set(key, text);
  }
  return text;
}

function pick(_error: Error, frames: NodeJS.CallSite[]): string {
  let best: NodeJS.CallSite | undefined;
  let bestFile: SourceFile | undefined;
  for (const frame of frames) {
    const fileName = frame.getFileName();
    if (fileName == null) continue;
    const file = fileOf(fileName);
    if (file.rank > (bestFile?.rank ?? 0)) {
      best = frame;
      bestFile = file;
      if (file.rank === 3) break;
    }
  }
  return best === undefined || bestFile === undefined ? "an unknown place" : positionOf(bestFile, best);
}

/** Where the hook that calls this was called for: `path:line:column in function`. */
export function callSite(): string {
  const limit = Error.stackTraceLimit;
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was, and never called here
  const prepare = Error.prepareStackTrace;
  const holder: { stack?: string } = {};
  Error.stackTraceLimit = MAX_FRAMES;
  Error.prepareStackTrace = pick;
  try {
    Error.captureStackTrace(holder, callSite);
    return holder.stack ?? "";
  } finally {
    Error.prepareStackTrace = prepare;
    Error.stackTraceLimit = limit;
  }
}
