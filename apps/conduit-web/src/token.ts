/** The token of the session, as it is kept in the browser, for all tabs. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { isToken } from "./decode.ts";

const KEY = "jwtToken";

const current = signal(read());

/** The token, or null for an anonymous visitor. Follows what other tabs do. */
export const token: ReadonlySignal<string | null> = current;

/** Keeps a token, or none. Where the browser keeps nothing, the session lasts as long as the page. */
export function keepToken(value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // A browser that is told to keep nothing refuses; the page has it all the same.
  }
  current.value = value;
}

function read(): string | null {
  try {
    const kept = localStorage.getItem(KEY);
    return kept !== null && isToken(kept) ? kept : null;
  } catch {
    return null;
  }
}

// It is told to other tabs only; a key of null is a storage that was emptied.
addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) current.value = read();
});
