/** The summary that the trace build writes when a program ends, read. */

export interface TraceSummary {
  /** Made, ended, live and peak of each kind, by its label. */
  readonly kinds: ReadonlyMap<string, { readonly made: number; readonly ended: number; readonly live: number }>;
  readonly passed: number;
  readonly failed: number;
  /** The lines below "not ours, which stops nothing". */
  readonly foreign: readonly string[];
}

/** Reads the last summary in a text. Undefined when there is none. */
export function parseTraceSummary(text: string): TraceSummary | undefined {
  const at = text.lastIndexOf("lunet trace: summary\n");
  const checks = /^checks: (\d+) passed, (\d+) failed$/m.exec(text.slice(at));
  if (at === -1 || checks === null) return undefined;
  const part = text.slice(at);
  const kinds = new Map<string, { made: number; ended: number; live: number }>();
  for (const [, label = "", made, ended, live] of part.matchAll(/^ {2}(\S[^\n]*?) +(\d+) +(\d+) +(-?\d+) +\d+$/gm)) {
    kinds.set(label, { made: Number(made), ended: Number(ended), live: Number(live) });
  }
  const foreign = /^not ours, which stops nothing:\n((?: {2}.*\n)*)/m.exec(part)?.[1] ?? "";
  return {
    kinds,
    passed: Number(checks[1]),
    failed: Number(checks[2]),
    foreign: foreign.split("\n").filter((line) => line !== ""),
  };
}

/** What is out of balance; empty when everything has ended. */
export function outstanding({ kinds }: TraceSummary): string[] {
  return [...kinds].filter(([, { made, ended }]) => made !== ended).map(([label, { live }]) => `${live} × ${label}`);
}
