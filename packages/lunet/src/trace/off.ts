/**
 * The release build's trace: a constant and hooks that do nothing.
 *
 * Call sites read `if (TRACE) made("file", this)`. The constant is false in this file, so the engine and the bundler
 * drop the call. `on.ts` exports the same names with the same types; a test compares them.
 */
import type { KindBalance, OwnedKind } from "./ledger-kinds.ts";

/** True in the trace build, chosen by the import condition `lunet-trace`. */
export const TRACE: boolean = false;

/** A thing with a life was created. */
export function made(_kind: OwnedKind, _thing: object, _owner?: object): void {}

/** A thing with a life has ended. */
export function ended(_kind: OwnedKind, _thing: object): void {}

/** A coroutine begins to wait. */
export function suspended(_suspension: object, _operation: string, _scope: object): void {}

/** A wait is over: with a value, a failure or a cancel. */
export function resumed(_suspension: object): void {}

/** The balance by kind. Empty in the release build, which counts nothing. */
export function balance(): ReadonlyMap<OwnedKind, Readonly<KindBalance>> {
  return new Map();
}
