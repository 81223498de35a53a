/** The check that `suspend` makes before it waits, for a statement that runs without waiting. */
import { _requireScope } from "../co/scope.impl.ts";

/** Throws `Cancelled` in a cancelled scope and `NotInCoroutineError` outside a coroutine. */
export function throwIfCancelled(operation: string): void {
  const { effective } = _requireScope(operation);
  if (effective !== undefined) throw effective;
}
