/** How a transaction begins, in each database's words. */
import type { Isolation } from "../contract.ts";

/** The statements that begin a transaction. */
export function beginning(dialect: "postgres" | "mariadb", isolation: Isolation, readOnly: boolean): readonly string[] {
  const access = readOnly ? "read only" : "read write";
  if (dialect === "postgres") return [`begin isolation level ${isolation} ${access}`];
  // The session's own level is `read committed`, so the common case takes one round trip.
  if (isolation === "read committed") return [`start transaction ${access}`];
  const snapshot = isolation === "repeatable read" ? "with consistent snapshot, " : "";
  return [`set transaction isolation level ${isolation}`, `start transaction ${snapshot}${access}`];
}

/** Makes every transaction of a connection one that only reads. */
export function readOnlySession(dialect: "postgres" | "mariadb"): string {
  return dialect === "postgres" ? "set default_transaction_read_only = on" : "set session transaction read only";
}
