/** What the trace build keeps account of: every kind of thing that has a life or an owner. */
export type OwnedKind =
  | "coroutine"
  | "scope"
  | "suspension"
  | "timer"
  | "connection"
  | "listener"
  | "file"
  | "signal"
  | "database"
  | "db-connection"
  | "statement"
  | "transaction"
  | "request";

/** How many of one kind were made and ended, how many live now, and the most that lived at once. */
export interface KindBalance {
  made: number;
  ended: number;
  live: number;
  peak: number;
}
