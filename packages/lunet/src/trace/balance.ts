/** How many of each kind were made and ended, live now, and lived at once: in all, and by the line that made them. */
import type { KindBalance } from "./kinds.ts";

/** Sites that are counted one by one; the rest together. */
const MAX_SITES = 10_000;
const OTHER_SITES = "(other places)";

/** The balance of one line that makes things of one kind. */
export interface SiteBalance extends KindBalance {
  readonly kind: string;
  readonly site: string;
}

const balances = new Map<string, KindBalance>();
const sites = new Map<string, Map<string, SiteBalance>>();
let siteCount = 0;

/** Something of a kind was made, at a line; "" for a kind whose lines are not kept. */
export function countMade(kind: string, site: string): void {
  let all = balances.get(kind);
  if (all === undefined) balances.set(kind, (all = { made: 0, ended: 0, live: 0, peak: 0 }));
  count(all);
  if (site === "") return;
  count(siteOf(kind, site));
}

function count(one: KindBalance): void {
  one.made++;
  one.live++;
  if (one.live > one.peak) one.peak = one.live;
}

function siteOf(kind: string, site: string): SiteBalance {
  let ofKind = sites.get(kind);
  if (ofKind === undefined) sites.set(kind, (ofKind = new Map()));
  let one = ofKind.get(site);
  if (one === undefined) {
    if (siteCount >= MAX_SITES && site !== OTHER_SITES) return siteOf(kind, OTHER_SITES);
    siteCount++;
    ofKind.set(site, (one = { kind, site, made: 0, ended: 0, live: 0, peak: 0 }));
  }
  return one;
}

/** Something of a kind that was made at a line has ended. */
export function countEnded(kind: string, site: string): void {
  const all = balances.get(kind);
  if (all !== undefined) {
    all.ended++;
    all.live--;
  }
  if (site === "") return;
  const one = siteOf(kind, site);
  one.ended++;
  one.live--;
}

/** Moves the count of one thing to the line that turned out to be its maker. */
export function recount(kind: string, from: string, to: string): void {
  if (from !== "") {
    const before = siteOf(kind, from);
    before.made--;
    before.live--;
  }
  count(siteOf(kind, to));
}

/** The balance by kind. */
export function balance(): ReadonlyMap<string, Readonly<KindBalance>> {
  return balances;
}

/** The balance by line. */
export function siteBalances(): SiteBalance[] {
  // A line that turned out not to be the maker has none left.
  return [...sites.values()].flatMap((ofKind) => [...ofKind.values()]).filter((one) => one.made > 0);
}
