/** What the trace build keeps account of, and how it treats each kind. */

/** The kinds that the runtime itself enters. A program enters its own under any other name. */
export type OwnedKind =
  | "coroutine"
  | "scope"
  | "suspension"
  | "timer"
  | "connection"
  | "listener"
  | "file"
  | "signal"
  | "process"
  | "database"
  | "db-connection"
  | "lease"
  | "statement"
  | "transaction"
  | "request";

/** How many of one kind were made and ended, how many live now, and the most that lived at once. */
export interface KindBalance {
  made: number;
  ended: number;
  live: number;
  peak: number;
}

/** How a kind is treated. */
export interface KindPolicy {
  /** What a report calls it. */
  readonly label: string;
  /** Whether the line that made it, and the one that ended it, are kept. Costs 3 µs each. */
  readonly sited: boolean;
  /** Whether its last touches are kept. Costs 3 µs each. */
  readonly ringed: boolean;
  /** Whether its collection by the garbage collector is watched. */
  readonly collectable: boolean;
  /** Whether it has to end before the scope that owns it does. */
  readonly scoped: boolean;
}

const HANDLE: Omit<KindPolicy, "label"> = { sited: true, ringed: true, collectable: true, scoped: true };
/** Kinds whose end the runtime's own structure sees to; they are counted, and the count has to come out even. */
const STRUCTURE: Omit<KindPolicy, "label"> = { sited: true, ringed: false, collectable: false, scoped: false };

const POLICIES: Readonly<Record<OwnedKind, KindPolicy>> = {
  coroutine: { ...STRUCTURE, label: "coroutine" },
  scope: { ...STRUCTURE, label: "scope" },
  suspension: { ...STRUCTURE, label: "wait" },
  timer: { ...STRUCTURE, label: "timer", sited: false },
  connection: { ...HANDLE, label: "connection" },
  listener: { ...HANDLE, label: "listener" },
  file: { ...HANDLE, label: "file" },
  signal: { ...STRUCTURE, label: "signal watch" },
  process: { ...STRUCTURE, label: "worker process" },
  database: { ...HANDLE, label: "database", ringed: false },
  "db-connection": { ...STRUCTURE, label: "database connection" },
  lease: { ...HANDLE, label: "pooled connection", ringed: false, collectable: false },
  statement: { ...STRUCTURE, label: "statement" },
  transaction: { ...HANDLE, label: "transaction" },
  request: { ...STRUCTURE, label: "request", sited: false },
};

/** Whether a kind is one of the runtime's own. */
export function isRuntimeKind(kind: string): kind is OwnedKind {
  return Object.hasOwn(POLICIES, kind);
}

/** How a kind is treated; what a program enters itself is treated as a handle. */
export function policyOf(kind: string): KindPolicy {
  return (POLICIES as Readonly<Record<string, KindPolicy>>)[kind] ?? ownPolicy(kind);
}

const own = new Map<string, KindPolicy>();

function ownPolicy(kind: string): KindPolicy {
  let policy = own.get(kind);
  if (policy === undefined) own.set(kind, (policy = { ...HANDLE, label: kind }));
  return policy;
}
