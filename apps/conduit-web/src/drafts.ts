/**
 * What a visitor has typed and not sent yet, kept for the tab: a reload, a lost session or a closed page of the browser that is restored
 * loses nothing. Passwords are never kept.
 */
import { useEffect, useState } from "preact/hooks";

const PREFIX = "draft ";

/** State of a form. `forget` ends the draft: what was typed has been sent. */
export interface Draft<T> {
  readonly value: T;
  readonly set: (value: T) => void;
  readonly forget: () => void;
}

/** The draft of the name, or `initial` where there is none. With another name, another draft. */
export function useDraft<T extends object>(name: string, initial: T): Draft<T> {
  const [state, setState] = useState(() => ({ name, value: read<T>(name) ?? initial }));
  const present = state.name === name ? state.value : (read<T>(name) ?? initial);
  useEffect(() => {
    if (state.name !== name) setState({ name, value: present });
  }, [name]);
  const set = (value: T): void => {
    setState({ name, value });
    write(name, value);
  };
  const forget = (): void => {
    setState({ name, value: initial });
    write(name, undefined);
  };
  return { value: present, set, forget };
}

// What is read was written by `write` under the same name.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function read<T>(name: string): T | undefined {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

function write(name: string, value: object | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing, or no more, keeps no draft.
  }
}
