/** What databases and transactions have in common: the methods of `Queryable`, and the handles that `prepare` gives. */
import { TRACE, ended, made } from "#trace";
import { BoundedCache } from "./bounded-cache.ts";
import type { ExecResult, Param, Queryable, Row, Statement, Value } from "./contract.ts";
import { type ResultRows, toArrays, toFirstObject, toObjects } from "./rows.ts";

const NO_PARAMS: readonly Param[] = [];

/** Makes of rows what the caller asked for. */
export type Shape<T> = (result: ResultRows) => T;

/**
 * Runs statements of one owner. `S` is what the owner knows of a statement.
 *
 * Failures come as rejections, whatever their kind.
 */
export abstract class StatementRunner<S> implements Queryable {
  readonly #handles: BoundedCache<string, StatementHandle<S>>;

  /** @param cacheSize How many handles are kept. One that is forgotten goes on working for whoever holds it. */
  constructor(cacheSize: number) {
    this.#handles = new BoundedCache(cacheSize, TRACE ? (handle) => ended("statement", handle) : undefined);
  }

  /** What is known of a text. Throws for one that can be seen to be wrong. */
  abstract find(sql: string): S;
  abstract run<T>(statement: S, params: readonly Param[], shape: Shape<T>): Promise<T>;
  abstract effect(statement: S, params: readonly Param[]): Promise<ExecResult>;

  query<R extends object = Row>(sql: string, params: readonly Param[] = NO_PARAMS): Promise<R[]> {
    // The type is the caller's word for what the statement gives.
    return this.#attempt(sql, (statement) => this.run(statement, params, toObjects)) as Promise<R[]>;
  }

  queryRows<R extends readonly unknown[] = Value[]>(sql: string, params: readonly Param[] = NO_PARAMS): Promise<R[]> {
    return this.#attempt(sql, (statement) => this.run(statement, params, toArrays)) as unknown as Promise<R[]>;
  }

  queryOne<R extends object = Row>(sql: string, params: readonly Param[] = NO_PARAMS): Promise<R | undefined> {
    return this.#attempt(sql, (statement) => this.run(statement, params, toFirstObject)) as Promise<R | undefined>;
  }

  exec(sql: string, params: readonly Param[] = NO_PARAMS): Promise<ExecResult> {
    return this.#attempt(sql, (statement) => this.effect(statement, params));
  }

  #attempt<T>(sql: string, run: (statement: S) => Promise<T>): Promise<T> {
    try {
      return run(this.find(sql));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  prepare(sql: string): Statement {
    const known = this.#handles.get(sql);
    if (known !== undefined) return known;
    const handle = new StatementHandle(this, sql, this.find(sql));
    if (TRACE) made("statement", handle, this, sql);
    this.#handles.set(sql, handle);
    return handle;
  }

  /** Ends the handles, with their owner. */
  endHandles(): void {
    this.#handles.clear();
  }
}

class StatementHandle<S> implements Statement {
  readonly sql: string;
  readonly #runner: StatementRunner<S>;
  readonly #statement: S;

  constructor(runner: StatementRunner<S>, sql: string, statement: S) {
    this.#runner = runner;
    this.sql = sql;
    this.#statement = statement;
  }

  query<R extends object = Row>(params: readonly Param[] = NO_PARAMS): Promise<R[]> {
    return this.#runner.run(this.#statement, params, toObjects) as Promise<R[]>;
  }

  queryRows<R extends readonly unknown[] = Value[]>(params: readonly Param[] = NO_PARAMS): Promise<R[]> {
    return this.#runner.run(this.#statement, params, toArrays) as unknown as Promise<R[]>;
  }

  queryOne<R extends object = Row>(params: readonly Param[] = NO_PARAMS): Promise<R | undefined> {
    return this.#runner.run(this.#statement, params, toFirstObject) as Promise<R | undefined>;
  }

  exec(params: readonly Param[] = NO_PARAMS): Promise<ExecResult> {
    return this.#runner.effect(this.#statement, params);
  }
}
