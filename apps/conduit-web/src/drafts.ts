/**
 * What a visitor has typed and not sent yet, kept for the tab: a reload, a lost session or a closed page of the browser that is restored
 * loses nothing. Passwords are never kept.
 */
import { useEffect, useState } from "preact/hooks";

const PREFIX = "draft ";

/** State of a form. `forget` ends the draft: what was typed has been sent, or is not wanted. */
export interface Draft<T> {
  readonly value: T;
  /** It was there before the form was: the visitor may want to know that it is not what the server has. */
  readonly isRestored: boolean;
  readonly set: (value: T) => void;
  readonly forget: () => void;
}

/** The draft of the name, or `initial` where there is none. With another name, another draft. */
export function useDraft<T extends object>(name: string, initial: T): Draft<T> {
  const open = (): State<T> => {
    const value = read<T>(name);
    return { name, value: value ?? initial, isRestored: value !== undefined };
  };
  const [state, setState] = useState(open);
  const present = state.name === name ? state : open();
  useEffect(() => setState(present), [name]);
  const set = (value: T): void => {
    setState({ ...present, value });
    write(name, value);
  };
  const forget = (): void => {
    setState({ name, value: initial, isRestored: false });
    write(name, undefined);
  };
  return { value: present.value, isRestored: present.isRestored, set, forget };
}

interface State<T> {
  readonly name: string;
  readonly value: T;
  readonly isRestored: boolean;
}

/** Ends all drafts of the tab: whoever logs out leaves nothing behind. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
    }
  } catch {
    // Nothing is kept where nothing can be.
  }
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
