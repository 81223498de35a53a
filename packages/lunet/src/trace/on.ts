/**
 * The trace build's hooks: they keep, for every kind of owned thing, how many were made and ended.
 *
 * Rules: a thing is made once and ended once; ending what was never made, or ending it twice, throws at the place
 * where it happens.
 */
import assert from "node:assert/strict";
import type { KindBalance, OwnedKind } from "./ledger-kinds.ts";

export const TRACE: boolean = true;

const balances = new Map<OwnedKind, KindBalance>();
const living = new WeakSet<object>();

export function made(kind: OwnedKind, thing: object, _owner?: object): void {
  assert(!living.has(thing), `Cannot account for a new ${kind}: it is in the ledger already`);
  living.add(thing);
  let entry = balances.get(kind);
  if (entry === undefined) balances.set(kind, (entry = { made: 0, ended: 0, live: 0, peak: 0 }));
  entry.made++;
  entry.live++;
  if (entry.live > entry.peak) entry.peak = entry.live;
}

export function ended(kind: OwnedKind, thing: object): void {
  assert(living.delete(thing), `Cannot end a ${kind}: found one that is not alive`);
  const entry = balances.get(kind);
  assert(entry !== undefined, `Cannot end a ${kind}: none was ever made`);
  entry.ended++;
  entry.live--;
}

export function suspended(suspension: object, _operation: string, scope: object): void {
  made("suspension", suspension, scope);
}

export function resumed(suspension: object): void {
  ended("suspension", suspension);
}

export function balance(): ReadonlyMap<OwnedKind, Readonly<KindBalance>> {
  return balances;
}
