/**
 * The real program, started for black-box tests: `node apps/conduit/src/main.ts` in a process of its own, on a port of
 * the system's choice, in a fresh temporary directory, with a database of its own (databases.ts).
 *
 * Rules it keeps:
 * - Every process it started ends with the test file, also when a test throws or the file is ended by a signal.
 * - Every wait has a deadline: start, stop and each request.
 * - Every answer that `request` gives has been checked for what the contract demands of all of them (`checkAnswer`).
 * - What the program wrote on standard error is shown when a test fails.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach } from "node:test";
import { fileURLToPath } from "node:url";
import { databaseUrl, dropDatabases, makeDatabase } from "./databases.ts";

/** Another program that keeps the same contract, such as a build of this one, is tested with `CONDUIT_MAIN=path`. */
const MAIN = process.env["CONDUIT_MAIN"] ?? fileURLToPath(new URL("../src/main.ts", import.meta.url));
/** How long the program may take until it prints its address. */
const START_LIMIT_MS = 15_000;
/** How long it may take to end after SIGTERM; more than its own grace. */
const STOP_LIMIT_MS = 15_000;
/** How long one request may take. */
const REQUEST_LIMIT_MS = 5_000;
/** How much of standard error is kept. */
const MAX_STDERR_CHARACTERS = 256 * 1024;

/** The signing key that the tests know, so that they can forge. */
export const JWT_SECRET = "a signing key for tests alone, 46 bytes of it.";

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /**
   * The content as JSON. It is `any` on purpose: the tests look into answers whose shape is what they are about to
   * check, and a wrong shape fails at the reading.
   */
  readonly json: any;
}

/** What a request carries. */
export interface RequestOptions {
  /** Sent as `Authorization: Token …`. */
  readonly token?: string | undefined;
  /** Content, serialized here. */
  readonly json?: unknown;
  /** Content as it is. */
  readonly raw?: string | Uint8Array;
  readonly fields?: Readonly<Record<string, string | string[]>>;
  /** Own connections, such as one for each client of a load. Default: the ones that the program's tests share. */
  readonly agent?: Agent;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

/** How the program is started. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly arguments?: readonly string[];
  /** Arguments of Node, before the program. */
  readonly nodeArguments?: readonly string[];
  /** How many files and sockets the process may have open. Default: what the tests may have. */
  readonly maxDescriptors?: number;
  /** Where the database is. Default: a fresh temporary directory, removed at the end. */
  readonly directory?: string;
}

/** A registered user, with what it takes to be one. */
export interface TestUser {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
}

const running = new Set<ChildProcess>();
const directories = new Set<string>();
/** Programs that serve a whole file and are stopped after its last test. */
const ofFile: Conduit[] = [];

function endEverything(): void {
  for (const child of running) child.kill("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

// The hook of the whole file: what a failed test left running would keep the file from ending.
after(async () => {
  try {
    for (const conduit of ofFile) await conduit.stop();
  } finally {
    endEverything();
    await dropDatabases();
  }
});
process.once("exit", endEverything);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    endEverything();
    process.exit(1);
  });
}

/** A fresh directory that is removed when the test file ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "conduit-test-"));
  directories.add(directory);
  return directory;
}

/** A process of the program, whether or not it gets as far as listening. */
export class ConduitProcess {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  /** Its end: the status, or the signal that ended it. */
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  #onOutput: () => void = () => {};

  constructor(directory: string, options: StartOptions) {
    const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions"));
    const command = [
      process.execPath,
      ...conditions,
      ...(options.nodeArguments ?? []),
      MAIN,
      ...(options.arguments ?? []),
    ];
    // The limit is inherited by the program that takes the shell's place.
    if (options.maxDescriptors !== undefined) {
      command.unshift("/bin/sh", "-c", `ulimit -n ${options.maxDescriptors}; exec "$@"`, "sh");
    }
    const [program = "", ...rest] = command;
    this.child = spawn(program, rest, {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOST: "127.0.0.1",
        PORT: "0",
        DATABASE_URL: databaseUrl(directory),
        LOG_LEVEL: "warn",
        ...traceSettings(),
        ...options.env,
      },
    });
    running.add(this.child);
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#onOutput();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-MAX_STDERR_CHARACTERS);
    });
    this.ended = once(this.child, "close").then(([status, signal]) => {
      running.delete(this.child);
      return { status, signal };
    });
  }

  /** Waits until the address line stands on standard output. */
  async listening(): Promise<string> {
    const address = new Promise<string>((resolve) => {
      this.#onOutput = () => {
        const match = /^conduit: listening on (http:\/\/\S+)$/m.exec(this.stdout);
        // The address line is the first of three; the rest is there once the third line is whole.
        if (match?.[1] !== undefined && this.stdout.split("\n").length > 3) resolve(match[1]);
      };
    });
    const early = this.ended.then(({ status, signal }) => {
      throw new Error(`Cannot start conduit: found status ${status} signal ${signal}, stderr:\n${this.stderr}`);
    });
    return withLimit(START_LIMIT_MS, "start conduit", Promise.race([address, early]), () => this.stderr);
  }

  /** Waits for its end, which must come within the limit; kills it otherwise. */
  async end(limitMs = STOP_LIMIT_MS): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
    try {
      return await withLimit(limitMs, "end conduit", this.ended, () => this.stderr);
    } catch (error) {
      this.child.kill("SIGKILL");
      await this.ended;
      throw error;
    }
  }
}

/** How the test runner has set the trace build. */
function traceSettings(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("LUNET_TRACE_")));
}

/** Conduit, listening. */
export class Conduit {
  readonly directory: string;
  readonly #options: StartOptions;
  #process: ConduitProcess;
  #url: string;
  #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  #names = 0;

  private constructor(directory: string, options: StartOptions, process: ConduitProcess, url: string) {
    this.directory = directory;
    this.#options = options;
    this.#process = process;
    this.#url = url;
  }

  static async start(options: StartOptions = {}): Promise<Conduit> {
    const directory = options.directory ?? temporaryDirectory();
    await makeDatabase(directory);
    const started = new ConduitProcess(directory, options);
    return new Conduit(directory, options, started, await started.listening());
  }

  /** `http://127.0.0.1:PORT`. */
  get url(): string {
    return this.#url;
  }

  get port(): number {
    return Number(new URL(this.#url).port);
  }

  get process(): ConduitProcess {
    return this.#process;
  }

  /** Of a database in a file. */
  get databasePath(): string {
    return join(this.directory, "conduit.db");
  }

  /** Ends it by SIGTERM, which must give status 0 within the limit. */
  async stop(): Promise<void> {
    this.#agent.destroy();
    this.#process.child.kill("SIGTERM");
    const end = await this.#process.end();
    assert.deepEqual(end, { status: 0, signal: null }, `conduit ended otherwise, stderr:\n${this.#process.stderr}`);
  }

  /** Ends it at once, as a power cut would. */
  async kill9(): Promise<void> {
    this.#process.child.kill("SIGKILL");
    await this.#process.end();
    this.#agent.destroy();
  }

  /** Starts it again over the same directory, after `stop` or `kill9`. */
  async restart(): Promise<void> {
    this.#agent = new Agent({ keepAlive: true, maxSockets: 16 });
    this.#process = new ConduitProcess(this.directory, this.#options);
    this.#url = await this.#process.listening();
  }

  /** Sends a request and reads the answer, which is checked for what every answer must keep. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const answer = await this.send(method, path, options);
    checkAnswer(method, path, answer);
    return answer;
  }

  /** As `request`, without the checks. */
  async send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const content = options.json === undefined ? options.raw : JSON.stringify(options.json);
    const fields: Record<string, string | string[]> = {};
    if (content !== undefined) {
      fields["content-type"] = "application/json";
      fields["content-length"] = String(Buffer.byteLength(content));
    }
    if (options.token !== undefined) fields["authorization"] = `Token ${options.token}`;
    const what = `${method} ${path}`;
    const sent = httpRequest({
      host: "127.0.0.1",
      port: this.port,
      method,
      path,
      headers: { ...fields, ...options.fields },
      agent: options.agent ?? this.#agent,
    });
    const timeoutMs = options.timeoutMs ?? REQUEST_LIMIT_MS;
    const limit = setTimeout(() => sent.destroy(new Error(`found no answer in ${timeoutMs} ms`)), timeoutMs);
    try {
      sent.end(content);
      const [response] = await once(sent, "response");
      const chunks: Buffer[] = await response.toArray();
      return makeAnswer(response.statusCode, response.headers, Buffer.concat(chunks));
    } catch (error) {
      throw new Error(`Cannot request "${what}"`, { cause: error });
    } finally {
      clearTimeout(limit);
    }
  }

  /** A name that no other call gave, in this file. */
  uniqueName(prefix = "user"): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** Registers a user. */
  async register(fields: Partial<Omit<TestUser, "token">> = {}): Promise<TestUser> {
    const username = fields.username ?? this.uniqueName();
    const email = fields.email ?? `${this.uniqueName("mail")}@example.com`;
    const password = fields.password ?? "correct horse battery";
    const answer = await this.request("POST", "/api/users", { json: { user: { username, email, password } } });
    assert.equal(answer.status, 201, answer.text);
    return { username, email, password, token: answer.json.user.token };
  }

  /** Creates an article and gives it as the API does. */
  async publish(user: TestUser, fields: Readonly<Record<string, unknown>> = {}): Promise<any> {
    const article = { title: this.uniqueName("Title "), description: "About", body: "Text", ...fields };
    const answer = await this.request("POST", "/api/articles", { token: user.token, json: { article } });
    assert.equal(answer.status, 201, answer.text);
    return answer.json.article;
  }
}

/**
 * Starts Conduit for the tests of one file. It is stopped after the last of them, and its standard error is shown with
 * each failure. Call it at the top level of the file.
 */
export async function conduitForFile(options: StartOptions = {}): Promise<Conduit> {
  const conduit = await Conduit.start({ ...options, env: { JWT_SECRET, ...options.env } });
  let shown = 0;
  afterEach((context) => {
    // The hook's context is the test's, whose outcome the type of a hook does not name.
    const { passed } = context as { passed?: boolean };
    const { stderr } = conduit.process;
    if (passed === false && stderr.length > shown) console.error(`conduit's standard error:\n${stderr.slice(shown)}`);
    shown = stderr.length;
  });
  ofFile.push(conduit);
  return conduit;
}

/** An answer from its parts. */
export function makeAnswer(status: number, fields: IncomingHttpHeaders, bytes: Buffer): Answer {
  return {
    status,
    fields,
    bytes,
    text: bytes.toString("utf8"),
    get json() {
      return JSON.parse(this.text);
    },
  };
}

/**
 * What the contract demands of every answer of the API: CORS, no 5xx, JSON with its exact media type, the one shape of
 * errors, and no content where there is none.
 */
export function checkAnswer(method: string, path: string, answer: Answer): void {
  const what = `${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`;
  assert.ok(answer.status < 500, what);
  assert.ok(answer.fields["access-control-allow-origin"], `${what}: no Access-Control-Allow-Origin`);
  if (answer.status === 204 || method === "HEAD") {
    assert.equal(answer.bytes.length, 0, what);
    return;
  }
  if (!path.startsWith("/api")) return;
  assert.equal(answer.fields["content-type"], "application/json; charset=utf-8", what);
  assert.equal(Buffer.from(answer.text, "utf8").compare(answer.bytes), 0, `${what}: content is no UTF-8`);
  if (answer.status >= 400) checkErrorShape(answer, what);
}

function checkErrorShape(answer: Answer, what: string): void {
  const content = answer.json;
  assert.deepEqual(Object.keys(content), ["errors"], what);
  const entries = Object.entries(content.errors);
  assert.ok(entries.length > 0, what);
  for (const [key, messages] of entries) {
    assert.ok(Array.isArray(messages) && messages.length > 0, `${what}: ${key}`);
    for (const message of messages) assert.equal(typeof message, "string", `${what}: ${key}`);
  }
}

/** Waits for `promise`, at most so long. `detail` is added to the failure. */
export async function withLimit<T>(
  limitMs: number,
  action: string,
  promise: Promise<T>,
  detail: () => string = () => "",
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`Cannot ${action}: found no end after ${limitMs} ms ${detail()}`));
    }, limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
