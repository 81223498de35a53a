/**
 * What a visitor has typed and not sent yet, kept for the tab: a reload, a lost session or a closed page of the browser that is restored
 * loses nothing. Passwords are never kept.
 */
import { useRef, useState } from "preact/hooks";

const PREFIX = "draft ";

/** State of a form. */
export interface Draft<T> {
  readonly value: T;
  /** It was there before the form was: the visitor may want to know that it is not what the server has. */
  readonly isRestored: boolean;
  readonly change: (changed: Partial<T>) => void;
  /** Ends the draft: what was typed has been sent, or is not wanted. With `sent`, unless something else has been typed since. */
  readonly forget: (sent?: T) => void;
}

/** The draft of the name, or `initial` where there is none. The name is that of the form for as long as it is shown. */
export function useDraft<T extends object>(name: string, initial: T): Draft<T> {
  const [first] = useState(() => ({ initial, kept: read(name, initial) }));
  const [value, setValue] = useState(first.kept ?? initial);
  const [isRestored, setRestored] = useState(first.kept !== undefined);
  // Several fields may change before anything is drawn.
  const latest = useRef(value);
  const change = (changed: Partial<T>): void => {
    latest.current = { ...latest.current, ...changed };
    setValue(latest.current);
    write(name, isSame(latest.current, first.initial) ? undefined : latest.current);
  };
  const forget = (sent?: T): void => {
    if (sent !== undefined && !isSame(sent, latest.current)) return;
    latest.current = first.initial;
    setValue(first.initial);
    setRestored(false);
    write(name, undefined);
  };
  return { value, isRestored, change, forget };
}

/** Ends all drafts of the tab: whoever logs out leaves nothing in it. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
    }
  } catch {
    // Nothing is kept where nothing can be.
  }
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The draft, as far as it has the shape of the form: it may be of another version of the UI. */
function read<T extends object>(name: string, initial: T): T | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PREFIX + name) ?? "null") as Partial<T> | null;
    if (kept === null) return undefined;
    const entries = Object.entries(initial).map(([key, value]) => {
      const found = (kept as Readonly<Record<string, unknown>>)[key];
      return [key, shapeOf(found) === shapeOf(value) ? found : value];
    });
    return Object.fromEntries(entries) as T;
  } catch {
    return undefined;
  }
}

/** Forms hold text and lists of text. */
function shapeOf(value: unknown): string {
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? "texts" : typeof value;
}

function write(name: string, value: object | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing, or no more, keeps no draft.
  }
}
