/** A transaction's hold on a connection: what `transaction.ts` asks for, in SQLite's words. */
import { sleep, suspend } from "../../co/mod.ts";
import { monotonicMs } from "../../host/clock.ts";
import type { ExecResult, Param } from "../contract.ts";
import { DatabaseError } from "../errors.ts";
import { bindParameters, SQLITE_BINDING } from "../parameters.ts";
import type { SqlText } from "../sql-text.ts";
import type { Shape } from "../statement-runner.ts";
import type { Session } from "../transaction.ts";
import type { ResultRows } from "./connection.ts";
import { toDatabaseError } from "./database-error.ts";
import type { CallValue, Request } from "./protocol.ts";
import type { Outcome, ThreadConnection } from "./thread-connection.ts";
import { isBusyOutcome, retryDelayMs } from "./writer.ts";

/** Gives what a request came to, or throws it. */
export function unwrap<T>(outcome: Outcome<T>, action: string, subject: string): T {
  if (outcome instanceof DatabaseError) throw outcome;
  if (!outcome.ok) throw toDatabaseError(outcome.failure, action, subject);
  return outcome.value;
}

/** How a transaction holds a connection. */
export interface ThreadSessionOptions {
  readonly busyTimeoutMs: number;
  /** A commit waits for the disk. */
  readonly isDurable: boolean;
  readonly giveBack: (connection: ThreadConnection, clean: boolean) => void;
  /** Called at the end of a transaction that may have changed the schema. */
  readonly onSchemaChange: () => void;
}

/** A transaction's connection. */
export class ThreadSession implements Session {
  readonly #connection: ThreadConnection;
  readonly #options: ThreadSessionOptions;
  #schemaChanged = false;

  constructor(connection: ThreadConnection, options: ThreadSessionOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  get lost(): boolean {
    return this.#connection.ended;
  }

  async begin(readOnly: boolean): Promise<void> {
    const sql = readOnly ? "begin" : "begin immediate";
    const sinceMs = monotonicMs();
    for (let tries = 0; ; tries++) {
      const outcome = await this.#send<void>("begin", { do: "control", sql, transaction: false }, "wait");
      const waitedMs = monotonicMs() - sinceMs;
      if (!isBusyOutcome(outcome) || waitedMs >= this.#options.busyTimeoutMs) return unwrap(outcome, "run", sql);
      await sleep(retryDelayMs(tries));
    }
  }

  async commit(): Promise<void> {
    const outcome = suspend<Outcome<void>>("commit", (resume) => {
      // A durable commit waits for the disk, which is longer than the event loop may stand still.
      if (this.#options.isDurable) this.#connection.send<void>({ do: "commit" }, resume);
      else this.#connection.sendPatiently<void>({ do: "commit" }, resume);
      return () => {};
    });
    unwrap(await outcome, "run", "commit");
  }

  async rollback(): Promise<void> {
    unwrap(await this.#send<void>("rollback", { do: "rollback" }, "leave"), "run", "rollback");
  }

  async savepoint(name: string): Promise<void> {
    await this.#control(`savepoint ${name}`);
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#control(`release ${name}`);
  }

  async rollbackTo(name: string): Promise<void> {
    const request: Request = { do: "rollbackTo", savepoint: name };
    unwrap(await this.#send<void>("rollback to savepoint", request, "leave"), "run", `rollback to ${name}`);
  }

  async rows<T>(text: SqlText, params: readonly Param[], shape: Shape<T>): Promise<T> {
    return shape((await this.#call(text, params, true)) as ResultRows);
  }

  async exec(text: SqlText, params: readonly Param[]): Promise<ExecResult> {
    return (await this.#call(text, params, false)) as ExecResult;
  }

  giveBack(clean: boolean): void {
    if (this.#schemaChanged) this.#options.onSchemaChange();
    this.#options.giveBack(this.#connection, clean);
  }

  async #control(sql: string): Promise<void> {
    unwrap(await this.#send<void>(sql, { do: "control", sql, transaction: true }, "wait"), "run", sql);
  }

  async #call(text: SqlText, params: readonly Param[], wantRows: boolean): Promise<CallValue> {
    const bound = bindParameters(text.sql, text.parameterCount, params, SQLITE_BINDING);
    if (text.kind === "other") this.#schemaChanged = true;
    const request: Request = { do: "call", call: { text, params: bound, wantRows }, transaction: true };
    // What only reads can be left: what comes after it in this transaction waits its turn in the thread.
    const atCancel = text.kind === "read" ? "leave" : "wait";
    return unwrap(await this.#send<CallValue>("transaction", request, atCancel), "run", text.sql);
  }

  #send<T>(operation: string, request: Request, atCancel: "leave" | "wait"): Promise<Outcome<T>> {
    return suspend<Outcome<T>>(operation, (resume) => {
      this.#connection.sendPatiently<T>(request, resume);
      return () => (atCancel === "wait" ? "pending" : undefined);
    });
  }
}
