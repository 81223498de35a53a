/** What the ledger knows of one thing. It holds no reference to the thing, so that it keeps nothing alive. */
import { printable } from "../host/printable.ts";
import { type KindPolicy, policyOf } from "./kinds.ts";

/** One use of a handle. */
export interface Touch {
  readonly operation: string;
  readonly atMs: number;
  readonly site: string;
}

/** A statement's text is its name; a report names it by its beginning. */
const MAX_TITLE_LENGTH = 120;

let lastId = 0;

export class Entry {
  readonly id = ++lastId;
  readonly kind: string;
  readonly policy: KindPolicy;
  readonly name: string;
  readonly madeAtMs: number;
  /** The line that made it; for what a wait acquired, the line that waited. */
  site: string;
  /** The wait that made it on its way, before it was over. */
  madeIn: WaitEntry | undefined;
  /** The request that was being answered when it was made: method and target. */
  request: string | undefined;
  /** Scopes that it was found to be used in, although it does not belong there. */
  strangers: WeakSet<ScopeEntry> | undefined;
  /** Its end has begun: it refuses to be used, and the system has not finished yet. */
  isEnding = false;
  /** Who is to end it: a scope, or another thing such as a database. Undefined outside every coroutine. */
  owner: Entry | undefined;
  /** It went from one owner to another: handed over by a wait, returned, adopted. */
  wasGiven = false;
  /** Things that it owns and that live. */
  owned: Set<Entry> | undefined;
  /** Waits on it that have not ended. */
  waiters: Set<WaitEntry> | undefined;
  alive = true;
  endedAtMs = 0;
  endedSite = "";
  /** The last uses, in a ring; `touchCount` says where the next one goes. */
  touches: Touch[] | undefined;
  touchCount = 0;
  /** It was found to be left alive; once is enough. */
  isLeaked = false;
  /** It was found to be held for too long; once is enough. */
  isOverdue = false;
  /** A database connection that said, with its last reply, that a transaction is open on it. */
  hasOpenTransaction = false;

  constructor(kind: string, name: string, site: string, atMs: number, owner: Entry | undefined) {
    this.kind = kind;
    this.policy = policyOf(kind);
    this.name = name;
    this.site = site;
    this.madeAtMs = atMs;
    this.owner = owner;
  }

  /** `file "notes.txt" (#17)` */
  get title(): string {
    const name = printable(
      this.name.length <= MAX_TITLE_LENGTH ? this.name : `${this.name.slice(0, MAX_TITLE_LENGTH)}…`,
    );
    return `${this.policy.label}${name === "" ? "" : ` "${name}"`} (#${this.id})`;
  }

  /** The last uses, the latest first. */
  lastTouches(): Touch[] {
    const { touches, touchCount } = this;
    if (touches === undefined) return [];
    const next = touchCount % touches.length;
    return [...touches.slice(next), ...touches.slice(0, next)].reverse();
  }
}

/** A scope: what runs in it, what waits in it, and what the checks have to remember of it. */
export class ScopeEntry extends Entry {
  readonly inner = new Set<ScopeEntry>();
  readonly waits = new Set<WaitEntry>();
  /** The coroutine whose body runs in it; undefined for `scope()` and its kin. */
  coroutine: Entry | undefined;
  /** Promises that lunet did not make, that `until` was given here and that still run: each by its line. */
  foreign: Set<{ readonly site: string }> | undefined;
  /** The request that is being answered in it. */
  answers: RequestEntry | undefined;
  /** The wait that threw a cancel into the body. */
  cancelledWait: { readonly operation: string; readonly site: string } | undefined;
  /** Waits that are over and whose promise nobody had looked at then. */
  unawaited: Set<WaitEntry> | undefined;
  /** Since when its code runs without a wait; 0 while it waits. */
  runsSinceMs = 0;

  constructor(name: string, site: string, atMs: number, owner: Entry | undefined) {
    super("scope", name, site, atMs, owner);
  }

  /** The scope around it. */
  get outer(): ScopeEntry | undefined {
    return this.owner instanceof ScopeEntry ? this.owner : undefined;
  }

  /** The request that is being answered here, or in a scope around. */
  get answering(): RequestEntry | undefined {
    for (let scope: ScopeEntry | undefined = this; scope !== undefined; scope = scope.outer) {
      if (scope.answers !== undefined) return scope.answers;
    }
    return undefined;
  }

  /** Whether it is `other` or below it. */
  isIn(other: Entry): boolean {
    for (let scope: ScopeEntry | undefined = this; scope !== undefined; scope = scope.outer) {
      if (scope === other) return true;
    }
    return false;
  }

  /** The name of the coroutine whose body, or a scope within it, this is. */
  get coroutineName(): string {
    for (let scope: ScopeEntry | undefined = this; scope !== undefined; scope = scope.outer) {
      if (scope.coroutine !== undefined || scope.outer === undefined) return scope.name;
    }
    return this.name;
  }

  /** `coroutine "worker"`; for an inner scope `scope "withDeadline" of coroutine "worker"`. */
  get who(): string {
    for (let scope: ScopeEntry | undefined = this; scope !== undefined; scope = scope.outer) {
      const isMain = scope.outer === undefined;
      if (scope.coroutine === undefined && !isMain) continue;
      const who = isMain ? 'the root, "run"' : `coroutine "${printable(scope.name)}" (#${scope.id})`;
      return scope === this ? who : `scope "${this.name}" of ${who}`;
    }
    return `scope "${this.name}"`;
  }
}

/** How a wait ended. */
export type WaitEnd = "value" | "failure" | "cancel";

/** What a wait waits for, where the ledger can follow it: the end of a coroutine, or a connection of a pool. */
export type WaitTarget =
  | { readonly join: ScopeEntry }
  | { readonly pool: object; readonly size: number; readonly poolName: string };

export class WaitEntry extends Entry {
  readonly scope: ScopeEntry | undefined;
  readonly operation: string;
  /** The handle that it waits on. */
  on: Entry | undefined;
  target: WaitTarget | undefined;
  /** The request that it is a part of. */
  partOf: RequestEntry | undefined;
  end: WaitEnd | undefined;
  /** What came too late after a cancel came once; a second time is one too many. */
  wasLate = false;
  /** The wait whose `start` began this one, and the one on whose way that was: both go on when this one has started. */
  startedIn: WaitEntry | undefined;
  onTheWayOf: WaitEntry | undefined;
  /** Somebody awaited its promise. */
  isAwaited = false;
  /** Its promise was handed out, so that it can be looked at. */
  isWatched = false;

  constructor(operation: string, site: string, atMs: number, scope: ScopeEntry | undefined) {
    super("suspension", operation, site, atMs, scope);
    this.operation = operation;
    this.scope = scope;
  }
}

/** A part of a request's time. */
export interface Span {
  readonly operation: string;
  /** Who waited: a coroutine's name. */
  readonly who: string;
  readonly site: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly outcome: WaitEnd;
}

/** The most spans that are kept of one request. */
const MAX_SPANS = 500;

export class RequestEntry extends Entry {
  readonly spans: Span[] = [];
  droppedSpans = 0;
  scope: ScopeEntry | undefined;

  addSpan(span: Span): void {
    if (this.spans.length < MAX_SPANS) this.spans.push(span);
    else this.droppedSpans++;
  }
}
