/** How the memory of a process goes over time: sampled, judged, shown. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const MIB = 1024 * 1024;
/** What comes before is the warm-up: compiled code, caches and heap find their size. */
export const WARM_UP_SHARE = 1 / 5;
/** A shorter run is all warm-up: it is shown, and not judged. */
export const MIN_JUDGED_S = 120;
/** What a run may gain after its warm-up, by its trend: the larger of these. */
export const MAX_GROWTH_BYTES = 20 * MIB;
export const MAX_GROWTH_SHARE = 0.1;

const TABLE_ROWS = 12;

export interface Sample {
  /** Since the begin of the run. */
  readonly atS: number;
  readonly bytes: number;
}

export interface Trend {
  /** By least squares over what comes after the warm-up. */
  readonly bytesPerS: number;
  /** What that would be over the whole run. */
  readonly growthBytes: number;
  readonly limitBytes: number;
  readonly meanBytes: number;
}

/** The resident memory of a process in bytes; undefined when it has ended. */
export function residentBytes(pid: number): number | undefined {
  try {
    if (process.platform === "linux") {
      const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      return kib === undefined ? undefined : Number(kib) * 1024;
    }
    const { status, stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8", timeout: 3_000 });
    return status === 0 ? Number(stdout) * 1024 : undefined;
  } catch {
    return undefined; // it ended meanwhile
  }
}

/** The trend after the warm-up of a run of `runS` seconds. Undefined with fewer than two samples there. */
export function trendOf(samples: readonly Sample[], runS: number): Trend | undefined {
  const warm = samples.filter(({ atS }) => atS >= runS * WARM_UP_SHARE);
  if (warm.length < 2) return undefined;
  const meanS = mean(warm.map(({ atS }) => atS));
  const meanBytes = mean(warm.map(({ bytes }) => bytes));
  let together = 0;
  let square = 0;
  for (const { atS, bytes } of warm) {
    together += (atS - meanS) * (bytes - meanBytes);
    square += (atS - meanS) ** 2;
  }
  const bytesPerS = square === 0 ? 0 : together / square;
  return {
    bytesPerS,
    growthBytes: bytesPerS * runS,
    limitBytes: Math.max(MAX_GROWTH_BYTES, MAX_GROWTH_SHARE * meanBytes),
    meanBytes,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A few of the samples, as lines. */
export function memoryTable(samples: readonly Sample[]): string[] {
  const step = Math.max(1, Math.ceil(samples.length / TABLE_ROWS));
  const shown = samples.filter((_, at) => at % step === 0 || at === samples.length - 1);
  const largest = Math.max(...samples.map(({ bytes }) => bytes));
  return shown.map(
    ({ atS, bytes }) =>
      `${atS.toFixed(0).padStart(5)} s  ${mib(bytes).padStart(7)} MiB  ${"#".repeat(Math.round((40 * bytes) / largest))}`,
  );
}

export function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

const WIDTH = 760;
const HEIGHT = 260;
const LEFT = 60;
const BOTTOM = 30;

/** The samples as a line in an SVG that needs nothing else. */
export function drawMemory(samples: readonly Sample[], title: string): string {
  const lastS = Math.max(1, ...samples.map(({ atS }) => atS));
  const most = Math.max(1, ...samples.map(({ bytes }) => bytes)) * 1.1;
  const x = (atS: number): string => (LEFT + ((WIDTH - LEFT - 10) * atS) / lastS).toFixed(1);
  const y = (bytes: number): string => (HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - 30) * bytes) / most).toFixed(1);
  const line = samples.map(({ atS, bytes }) => `${x(atS)},${y(bytes)}`).join(" ");
  const rows = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(most * share);
    return (
      `<line x1="${LEFT}" y1="${at}" x2="${WIDTH - 10}" y2="${at}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${at}" text-anchor="end" dominant-baseline="central">${mib(most * share)}</text>`
    );
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<text x="${x(lastS * share)}" y="${HEIGHT - 10}" text-anchor="middle">${Math.round(lastS * share)} s</text>`,
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ` +
    `font-family="system-ui, sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>` +
    `<text x="${LEFT}" y="18" font-weight="bold">${title} (MiB)</text>${rows.join("")}${times.join("")}` +
    `<polyline points="${line}" fill="none" stroke="#2f6f4f" stroke-width="2"/></svg>\n`
  );
}
