/** What the rounds of the servers come to: tables, targets, and bars. */
import type { BarGroup } from "./chart.ts";
import { FLOOR, type Contest, type Target } from "./contests.ts";
import { median, medianRatio, range } from "./figures.ts";
import type { IdleMemory } from "./idle-memory.ts";
import type { Sample } from "./measured-server.ts";

/** A server's rounds, in order. */
export interface Standing {
  readonly name: string;
  readonly samples: Sample[];
}

export interface Outcome {
  readonly contest: Contest;
  readonly standings: readonly Standing[];
}

/** At most this much beyond what Node's own socket holds. */
const MAX_IDLE_BYTES = 8_192;

const cpuUs = (sample: Sample): number => sample.userUs + sample.systemUs;
const FIGURES: Readonly<Record<Target["figure"], { of: (sample: Sample) => number; words: string }>> = {
  cpu: { of: cpuUs, words: "CPU per request" },
  rate: { of: ({ requestsPerSecond }) => requestsPerSecond, words: "requests/s" },
  p99: { of: ({ p99Ms }) => p99Ms ?? NaN, words: "p99" },
};

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** With two digits; a dash for what there is not. */
function fixed(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(2);
}

/** One contest: what each server did, and ours against the others. */
export function contestTables({ contest, standings }: Outcome): string {
  const lines = [
    `### ${contest.title}`,
    "",
    "| server | requests/s | CPU per request, µs (range) | user, µs | p50, ms | p99, ms | resident, MB |",
    "|---|--:|--:|--:|--:|--:|--:|",
  ];
  for (const { name, samples } of standings) {
    const of = (figure: (sample: Sample) => number): number => median(samples.map(figure));
    const cells = [
      whole(of(({ requestsPerSecond }) => requestsPerSecond)),
      `${of(cpuUs).toFixed(1)} (${range(samples.map(cpuUs), 1)})`,
      of(({ userUs }) => userUs).toFixed(1),
      fixed(of(({ p50Ms }) => p50Ms ?? NaN)),
      fixed(of(FIGURES.p99.of)),
      whole(of(({ residentBytes }) => residentBytes) / 1e6),
    ];
    lines.push(`| ${name} | ${cells.join(" | ")} |`);
  }
  lines.push("", "| ratio | CPU per request | requests/s | p99 |", "|---|--:|--:|--:|");
  for (const ours of standings.filter(({ name }) => contest.ours.includes(name))) {
    for (const other of standings.filter(({ name }) => !contest.ours.includes(name))) {
      const cells = (["cpu", "rate", "p99"] as const).map((figure) => fixed(ratioOf(ours, other, figure)));
      lines.push(`| ${ours.name} / ${other.name} | ${cells.join(" | ")} |`);
    }
  }
  return lines.join("\n");
}

function ratiosOf(a: Standing, b: Standing, figure: Target["figure"]): number[] {
  const { of } = FIGURES[figure];
  return a.samples.map((sample, round) => of(sample) / of(b.samples[round] ?? sample));
}

function ratioOf(a: Standing, b: Standing, figure: Target["figure"]): number {
  const { of } = FIGURES[figure];
  return medianRatio(a.samples.map(of), b.samples.map(of));
}

/** What an idle connection holds. */
export function idleTable(memories: readonly IdleMemory[], connections: number): string {
  const floor = memories.find(({ name }) => name === FLOOR)?.bytesPerConnection ?? NaN;
  return [
    "### Idle connections",
    "",
    `| ${whole(connections)} more keep-alive connections that have made a request | bytes for each | beyond node:net's | resident with all, MB |`,
    "|---|--:|--:|--:|",
    ...memories.map(
      ({ name, bytesPerConnection, residentBytes }) =>
        `| ${name} | ${whole(bytesPerConnection)} | ${whole(bytesPerConnection - floor)} | ${whole(residentBytes / 1e6)} |`,
    ),
  ].join("\n");
}

/** What was reached of what must hold. */
export function targetTable(outcomes: readonly Outcome[], memories: readonly IdleMemory[]): string {
  const rows = outcomes.flatMap(({ contest, standings }) =>
    contest.targets.map((target) => targetRow(contest.title, target, standings)),
  );
  const bytes = (wanted: string): number | undefined =>
    memories.find(({ name }) => name === wanted)?.bytesPerConnection;
  const [ours, floor] = [bytes("Lunet"), bytes(FLOOR)];
  if (ours !== undefined && floor !== undefined) {
    const beyond = ours - floor;
    const words = `Idle connection: Lunet at most ${whole(MAX_IDLE_BYTES)} bytes beyond node:net's`;
    rows.push(`| ${words} | ${whole(beyond)} | ${beyond <= MAX_IDLE_BYTES ? "met" : "missed"} |`);
  }
  return ["### Against the targets", "", "| target | here (range of the rounds) | |", "|---|--:|---|", ...rows].join(
    "\n",
  );
}

function targetRow(title: string, { figure, ours, theirs, limit }: Target, standings: readonly Standing[]): string {
  const [own, other] = [ours, theirs].map((wanted) => standings.find(({ name }) => name === wanted));
  if (own === undefined || other === undefined)
    throw new Error(`Cannot compare ${ours} with ${theirs}: found no figures`);
  const ratio = ratioOf(own, other, figure);
  const isAtLeast = figure === "rate";
  const words = `${title}, ${FIGURES[figure].words}: ${ours} at ${isAtLeast ? "least" : "most"} ${limit.toFixed(2)} of ${theirs}`;
  const isMet = isAtLeast ? ratio >= limit : ratio <= limit;
  return `| ${words} | ${ratio.toFixed(2)} (${range(ratiosOf(own, other, figure), 2)}) | ${isMet ? "met" : "missed"} |`;
}

/** CPU per request and bytes per connection as bars: a group for each contest. */
export function httpBars(outcomes: readonly Outcome[], memories: readonly IdleMemory[]): BarGroup[] {
  const groups = outcomes.map(({ contest, standings }) => ({
    title: `${contest.title}: CPU per request, µs (less is better)`,
    bars: standings.map(({ name, samples }) => ({
      name,
      value: median(samples.map(cpuUs)),
      highlighted: contest.ours.includes(name),
    })),
  }));
  if (memories.length === 0) return groups;
  const bars = memories.map(({ name, bytesPerConnection }) => ({
    name,
    value: bytesPerConnection,
    highlighted: name === "Lunet",
  }));
  return [...groups, { title: "Idle connection: bytes (less is better)", bars }];
}
