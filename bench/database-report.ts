/** What the rounds on the databases come to: tables, targets, and bars. */
import type { BarGroup } from "./chart.ts";
import type { Outcome, Workload } from "./database-peers/peer.ts";
import { median, medianRatio, range } from "./figures.ts";

/** One peer's rounds: of each workload that it ran, in order. */
export interface PeerRounds {
  readonly name: string;
  readonly isOurs: boolean;
  readonly rounds: Readonly<Partial<Record<Workload, Outcome[]>>>;
}

/** All peers of one database. */
export interface DatabaseRounds {
  /** The database with its version. */
  readonly title: string;
  readonly queries: Readonly<Record<Workload, number>>;
  readonly peers: readonly PeerRounds[];
}

/** What must hold: CPU of one peer against that of another. */
export interface Target {
  readonly database: DatabaseRounds;
  readonly workload: Workload;
  readonly ours: string;
  readonly theirs: string;
  readonly atMost: number;
}

const NAMES: Readonly<Record<Workload, string>> = { read: "point read", list: "list", transaction: "transaction" };
const MS_PER_S = 1_000;
const US_PER_S = 1_000_000;

/** CPU of one query in each round, in microseconds. */
function cpuUs({ rounds }: PeerRounds, { queries }: DatabaseRounds, workload: Workload): number[] {
  return (rounds[workload] ?? []).map(({ userUs, systemUs }) => (userUs + systemUs) / queries[workload]);
}

function perSecond({ rounds }: PeerRounds, { queries }: DatabaseRounds, workload: Workload): number[] {
  return (rounds[workload] ?? []).map(({ elapsedMs }) => (queries[workload] / elapsedMs) * MS_PER_S);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function spanned(values: readonly number[]): string {
  return `${median(values).toFixed(1)} (${range(values, 1)})`;
}

/** A table of each database, and one of what transactions take. */
export function databaseTables(databases: readonly DatabaseRounds[]): string {
  const tables = databases.map((database) =>
    [`### ${database.title}`, "", ...queryTable(database), "", ...ratioTable(database)].join("\n"),
  );
  return [...tables, ["### Transactions", "", ...transactionTable(databases)].join("\n")].join("\n\n");
}

function queryTable(database: DatabaseRounds): string[] {
  return [
    "| through | point reads/s | CPU per point read, µs (range) | lists/s | CPU per list, µs (range) |",
    "|---|--:|--:|--:|--:|",
    ...database.peers.map((peer) => {
      const cells = (["read", "list"] as const).map((workload) => {
        const rate = whole(median(perSecond(peer, database, workload)));
        return `${rate} | ${spanned(cpuUs(peer, database, workload))}`;
      });
      return `| ${peer.name} | ${cells.join(" | ")} |`;
    }),
  ];
}

function ratioTable(database: DatabaseRounds): string[] {
  const ours = database.peers.filter(({ isOurs }) => isOurs);
  const others = database.peers.filter(({ isOurs }) => !isOurs);
  const pairs = ours.flatMap((one) => others.map((other) => [one, other] as const));
  return [
    "| ratio | CPU per point read | CPU per list | point reads/s | lists/s |",
    "|---|--:|--:|--:|--:|",
    ...pairs.map(([one, other]) => {
      const cells = [cpuUs, perSecond].flatMap((figure) =>
        (["read", "list"] as const).map((workload) =>
          medianRatio(figure(one, database, workload), figure(other, database, workload)).toFixed(2),
        ),
      );
      return `| ${one.name} / ${other.name} | ${cells.join(" | ")} |`;
    }),
  ];
}

function transactionTable(databases: readonly DatabaseRounds[]): string[] {
  return [
    "| database | through | p50, ms | p99, ms | CPU, µs (range) |",
    "|---|---|--:|--:|--:|",
    ...databases.flatMap((database) =>
      database.peers.flatMap((peer) => {
        const rounds = peer.rounds.transaction ?? [];
        if (rounds.length === 0) return [];
        const [p50, p99] = [rounds.map(({ p50Ms }) => p50Ms), rounds.map(({ p99Ms }) => p99Ms)];
        const cpu = spanned(cpuUs(peer, database, "transaction"));
        return `| ${database.title} | ${peer.name} | ${median(p50).toFixed(3)} | ${median(p99).toFixed(3)} | ${cpu} |`;
      }),
    ),
  ];
}

/**
 * What was reached of what must hold. Beside the ratio of CPU, which decides, stands what one query costs more as a part of
 * the time that the other's query takes, the server's work and the way there included.
 */
export function targetTable(targets: readonly Target[]): string {
  return [
    "| target, in CPU per query | here (range of the rounds) | cost more, of the other's time per query | |",
    "|---|--:|--:|---|",
    ...targets.map((target) => {
      const { database, workload, ours, theirs, atMost } = target;
      const [own, other] = [cpuUs(peerOf(database, ours), database, workload), figuresOf(target)];
      const ratios = own.map((value, round) => value / (other.cpu[round] ?? NaN));
      const parts = own.map((value, round) => (value - (other.cpu[round] ?? NaN)) / (other.timeUs[round] ?? NaN));
      const words = `${database.title}, ${NAMES[workload]}: ${ours} at most ${atMost.toFixed(2)} of ${theirs}`;
      const here = `${median(ratios).toFixed(2)} (${range(ratios, 2)})`;
      return `| ${words} | ${here} | ${(median(parts) * 100).toFixed(1)} % | ${median(ratios) <= atMost ? "met" : "missed"} |`;
    }),
  ].join("\n");
}

/** What the other one's queries cost, and how long one takes when as many run as the callers ask for. */
function figuresOf({ database, workload, theirs }: Target): { readonly cpu: number[]; readonly timeUs: number[] } {
  const peer = peerOf(database, theirs);
  return {
    cpu: cpuUs(peer, database, workload),
    timeUs: perSecond(peer, database, workload).map((rate) => US_PER_S / rate),
  };
}

function peerOf({ peers, title }: DatabaseRounds, name: string): PeerRounds {
  const found = peers.find((peer) => peer.name === name);
  if (found === undefined) throw new Error(`Cannot compare on ${title}: found no peer "${name}"`);
  return found;
}

/** The CPU per query as bars: a group for each database and kind of query. */
export function databaseBars(databases: readonly DatabaseRounds[]): BarGroup[] {
  return databases.flatMap((database) =>
    (["read", "list"] as const).map((workload) => ({
      title: `${database.title}, ${NAMES[workload]}: CPU per query, µs (less is better)`,
      bars: database.peers.map((peer) => ({
        name: peer.name,
        value: median(cpuUs(peer, database, workload)),
        highlighted: peer.isOurs,
      })),
    })),
  );
}
