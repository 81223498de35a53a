/** The settings of the trace build, from the environment, read once when it is loaded. docs/trace.md has the table. */

/** What happens when something is found: the program stops, or findings are kept until its end. */
export type FindingMode = "stop" | "collect";

/** The summary at exit: as text, only when something was found, or as one line of JSON. */
export type SummaryForm = "on" | "off" | "json";

/** Every setting, with what is in force. */
export interface TraceSettings {
  readonly findings: FindingMode;
  /** Whether a summary is written to standard error at exit, and how. */
  readonly summary: SummaryForm;
  /** How long each kind may be held, in milliseconds. */
  readonly heldMs: ReadonlyMap<string, number>;
  /** How long a coroutine may hold the loop, in milliseconds; 0 does not look. */
  readonly loopMs: number;
  /** How many last touches of a handle are kept. */
  readonly touches: number;
  /** A file of findings that are known. */
  readonly baseline: string | undefined;
  /** The Unix socket that `lunet ps` asks: a path, "off", or undefined for the usual place. */
  readonly socket: string | undefined;
  /** The port of the trace build's page on loopback; undefined for none. */
  readonly port: number | undefined;
}

const HELD_KINDS: Readonly<Record<string, number>> = { lease: 10_000, transaction: 10_000, lock: 10_000 };
const DEFAULT_LOOP_MS = 500;
const DEFAULT_TOUCHES = 8;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings. Throws RangeError that names the variable, what it holds and what it may. */
export function readSettings(environment: Environment): TraceSettings {
  return {
    findings: choice(environment, "LUNET_TRACE_FINDINGS", ["stop", "collect"]),
    summary: choice(environment, "LUNET_TRACE_SUMMARY", ["on", "off", "json"]),
    heldMs: heldMs(environment),
    loopMs: whole(environment, "LUNET_TRACE_LOOP_MS", DEFAULT_LOOP_MS, 0, 3_600_000),
    touches: whole(environment, "LUNET_TRACE_TOUCHES", DEFAULT_TOUCHES, 1, 1_000),
    baseline: text(environment, "LUNET_TRACE_BASELINE"),
    socket: text(environment, "LUNET_TRACE_SOCKET"),
    port:
      text(environment, "LUNET_TRACE_PORT") === undefined
        ? undefined
        : whole(environment, "LUNET_TRACE_PORT", 0, 0, 65_535),
  };
}

function text(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  return value === "" ? undefined : value;
}

function choice<T extends string>(environment: Environment, name: string, values: readonly [T, ...T[]]): T {
  const value = text(environment, name);
  if (value === undefined) return values[0];
  const known = values.find((one) => one === value);
  if (known === undefined) throw wrong(name, value, list(values));
  return known;
}

/** `"a" or "b"`, `"a", "b" or "c"` */
function list(values: readonly string[]): string {
  const quoted = values.map((one) => `"${one}"`);
  return `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

function whole(environment: Environment, name: string, normally: number, least: number, most: number): number {
  const value = text(environment, name);
  if (value === undefined) return normally;
  if (!/^\d+$/.test(value) || Number(value) < least || Number(value) > most) {
    throw wrong(name, value, `a whole number from ${least} to ${most}`);
  }
  return Number(value);
}

/** `10000`, or `lease=500,transaction=2000`; what is not named keeps its default. */
function heldMs(environment: Environment): Map<string, number> {
  const name = "LUNET_TRACE_HELD_MS";
  const value = text(environment, name);
  const held = new Map(Object.entries(HELD_KINDS));
  if (value === undefined) return held;
  const wanted = 'milliseconds for all kinds ("10000") or for some ("lease=500,transaction=2000"), 0 for no limit';
  if (/^\d+$/.test(value)) for (const kind of held.keys()) held.set(kind, Number(value));
  else {
    for (const part of value.split(",")) {
      const [, kind, limit] = /^([\w-]+)=(\d+)$/.exec(part.trim()) ?? [];
      if (kind === undefined) throw wrong(name, value, wanted);
      held.set(kind, Number(limit));
    }
  }
  for (const [kind, limit] of held) if (limit === 0) held.delete(kind);
  return held;
}

function wrong(name: string, value: string, wanted: string): RangeError {
  return new RangeError(`Cannot use ${name}: found ${JSON.stringify(value)}, wanted ${wanted}`);
}
