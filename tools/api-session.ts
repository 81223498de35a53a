import assert from "node:assert/strict";

/** No answer of the API may take longer. */
export const REQUEST_TIMEOUT_MS = 3_000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed content; undefined when there was none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the step that reads it asserts its shape
  readonly body: any;
}

export interface SendOptions {
  readonly token?: string | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, with the type of JSON. */
  readonly raw?: string;
}

/** One walk through the API: sends requests, and keeps a record of each exchange and of each step's outcome. */
export class ApiSession {
  readonly base: string;
  readonly failures: string[] = [];
  passed = 0;
  readonly #print: (line: string) => void;
  readonly #record: (text: string) => void;

  /** `base` is the address without `/api`; `print` gets a line per step, `record` every exchange. */
  constructor(base: string, print: (line: string) => void, record: (text: string) => void) {
    this.base = base.replace(/\/+$/, "");
    this.#print = print;
    this.#record = record;
  }

  /** Runs one step and prints `ok` or `FAIL` with its name. A failure is kept and the walk goes on. */
  async step(name: string, body: () => Promise<void>): Promise<void> {
    this.#record(`# ${name}\n`);
    try {
      await body();
      this.passed++;
      this.#print(`ok   ${name}`);
    } catch (error) {
      const why = (error as Error).message.trimEnd().replaceAll("\n", "\n     ");
      this.failures.push(name);
      this.#print(`FAIL ${name}\n     ${why}`);
    }
  }

  /** Sends one request below `/api` and asserts its status, the CORS field and, for JSON, the media type. */
  async send(method: string, path: string, status: number, options: SendOptions = {}): Promise<Answer> {
    const headers: Record<string, string> = { Origin: "http://example.test" };
    if (options.token !== undefined) headers["Authorization"] = `Token ${options.token}`;
    const content = options.raw ?? (options.json === undefined ? undefined : JSON.stringify(options.json));
    if (content !== undefined) headers["Content-Type"] = "application/json";
    const reply = await fetch(`${this.base}/api${path}`, {
      method,
      headers,
      body: content ?? null,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await reply.text();
    this.#record(`${method} /api${path} ${content ?? ""}\n${reply.status} ${text}\n`);

    const what = `${method} /api${path}`;
    assert.equal(reply.status, status, `${what}: found status ${reply.status}, wanted ${status}: ${text}`);
    assert.ok(reply.headers.has("Access-Control-Allow-Origin"), `${what}: found no Access-Control-Allow-Origin`);
    if (text === "") return { status, headers: reply.headers, body: undefined };
    assert.equal(reply.headers.get("Content-Type"), "application/json; charset=utf-8", `${what}: Content-Type`);
    return { status, headers: reply.headers, body: JSON.parse(text) };
  }

  /** Sends a request that must be refused with exactly these errors. */
  async refuse(
    method: string,
    path: string,
    status: number,
    errors: Readonly<Record<string, readonly string[]>>,
    options: SendOptions = {},
  ): Promise<void> {
    const { body } = await this.send(method, path, status, options);
    assert.deepEqual(body, { errors });
  }
}
