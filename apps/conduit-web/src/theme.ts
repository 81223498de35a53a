/** Light or dark: as the system says, unless the visitor has chosen. */
import { effect, signal, type ReadonlySignal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "theme";
const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };

const current = signal<Theme>(read());

export const theme: ReadonlySignal<Theme> = current;

/** Goes on to the next of system, light, dark. */
export function nextTheme(): void {
  current.value = NEXT[current.peek()];
  try {
    localStorage.setItem(KEY, current.value);
  } catch {
    // Where nothing is kept, the choice lasts as long as the page.
  }
}

/** Begins to show the choice. Call it once, before anything is drawn. */
export function startTheme(): void {
  effect(() => {
    if (current.value === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = current.value;
  });
}

function read(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}
