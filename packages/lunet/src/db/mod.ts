/**
 * Databases behind one contract: SQL with bound parameters, transactions with an owner, migrations.
 *
 * @module
 */
export type {
  Database,
  Dialect,
  ExecResult,
  Isolation,
  Migration,
  NetworkOptions,
  OpenOptions,
  Param,
  Queryable,
  Row,
  SqliteOptions,
  Statement,
  Transaction,
  TransactionOptions,
  Value,
} from "./contract.ts";
export {
  DatabaseError,
  databaseErrors,
  type DatabaseErrorCode,
  type DatabaseErrorDetails,
  type DatabaseFault,
} from "./errors.ts";
export { migrate } from "./migrate.ts";
export { DATABASE_DEFAULTS, open } from "./open.ts";
