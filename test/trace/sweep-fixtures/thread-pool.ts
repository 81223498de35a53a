/**
 * A database as somebody would write it by hand, for the faults that `transaction()` of lunet/db makes impossible: the
 * runtime's own pool and its threads, and nothing that says how a transaction begins and ends.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { shield, suspend } from "lunet";
import { Pool } from "../../../packages/lunet/src/db/pool.ts";
import { readStatement } from "../../../packages/lunet/src/db/sql-text.ts";
import { ThreadConnection } from "../../../packages/lunet/src/db/sqlite/thread-connection.ts";
import { ThreadSession } from "../../../packages/lunet/src/db/sqlite/thread-session.ts";
import { DatabaseError } from "../../../packages/lunet/src/db/errors.ts";

/** How long a transaction's end may take, in milliseconds. */
export const END_MS = 1_000;
/** What waits longer for the only connection will not get it: it is lost. */
const ACQUIRE_TIMEOUT_MS = 500;

const SCHEMA = `
  pragma journal_mode = wal;
  create table account (id integer primary key, balance integer not null);
  insert into account values (1, 100), (2, 0);
`;

/** What was asked for is not done, by decision: an ordinary way out of a transaction. */
export class Refused extends Error {}

/** A file with the table `account` and one connection to it. */
export class ThreadPool implements AsyncDisposable {
  readonly pool: Pool<ThreadConnection>;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    const options = {
      path: join(folder, "accounts.db"),
      role: "writer",
      synchronous: "normal",
      busyTimeoutMs: 1_000,
      cacheKiB: 1_024,
      statementCacheSize: 16,
      maxRows: 1_000,
    } as const;
    this.pool = new Pool<ThreadConnection>({
      size: 1,
      maxWaiters: 10,
      acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
      create: (done) => {
        ThreadConnection.start(options, (opened) => {
          done(opened instanceof DatabaseError ? { error: opened } : { connection: opened });
        });
      },
      destroy: (connection) => connection.destroy(),
    });
  }

  static make(): ThreadPool {
    const folder = mkdtempSync(join(tmpdir(), "lunet-sweep-"));
    const database = new DatabaseSync(join(folder, "accounts.db"));
    database.exec(SCHEMA);
    database.close();
    return new ThreadPool(folder);
  }

  /** Waits for the connection; a cancel leaves the queue. */
  acquire(): Promise<ThreadConnection> {
    return suspend<ThreadConnection>("acquire", (resume, fail) => {
      const waiter = { purpose: "acquire", grant: resume, fail };
      this.pool.enter(waiter);
      return () => {
        this.pool.leave(waiter);
      };
    });
  }

  session(connection: ThreadConnection): ThreadSession {
    return new ThreadSession(connection, {
      busyTimeoutMs: 1_000,
      isDurable: false,
      giveBack: (returned, clean) => {
        if (clean && !returned.ended) this.pool.release(returned);
        else this.pool.destroy(returned);
      },
      onSchemaChange: () => {},
    });
  }

  /** The sum of all balances, asked for in the same way as everything else: it fails when the connection is lost. */
  async sum(): Promise<number> {
    const session = this.session(await this.acquire());
    let isClean = false;
    try {
      await session.begin(true);
      const rows = await session.rows(
        readStatement("select sum(balance) from account", "sqlite"),
        [],
        ({ rows: all }) => all,
      );
      await session.commit();
      isClean = true;
      return Number(rows[0]?.[0]);
    } finally {
      session.giveBack(isClean);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { idle, out } = this.pool.drain(new Error("the pool ends"));
    for (const connection of idle) connection.destroy();
    // What was lost is given back in the end, so that the process ends as it should.
    for (const connection of out) this.pool.destroy(connection);
    rmSync(this.#folder, { recursive: true });
  }
}

/** Moves an amount between the two accounts. */
export async function transfer(session: ThreadSession, amount: number): Promise<void> {
  await session.exec(readStatement("update account set balance = balance - ? where id = 1", "sqlite"), [amount]);
  await session.exec(readStatement("update account set balance = balance + ? where id = 2", "sqlite"), [amount]);
}

/** Rolls back, and says whether the connection is clean. */
export async function rollBack(session: ThreadSession): Promise<boolean> {
  try {
    await shield(END_MS, () => session.rollback());
    return true;
  } catch {
    return false;
  }
}

/** The money is all there, and the connection is. */
export async function checkSum(database: ThreadPool): Promise<void> {
  const sum = await database.sum();
  if (sum !== 100) throw new Error(`the accounts hold ${sum}, wanted 100`);
}
