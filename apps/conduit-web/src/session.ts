/**
 * Who the visitor is.
 *
 *   loading          there is a token, and the server has not said yet whose it is
 *   authenticated    the server has said whose it is
 *   unauthenticated  there is no token, or the server has refused it (any 4xx), which takes it away
 *   unavailable      the server has not answered, or failed (5xx): the token is kept and asked about again, each time after twice
 *                    as long, up to half a minute
 *
 * The token decides: whatever changes it, in this tab or another, starts this anew.
 */
import { effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { ApiError, api, whenTokenIsRefused } from "./api.ts";
import type { User } from "./decode.ts";
import { keepToken, token } from "./token.ts";

export type AuthState = "loading" | "authenticated" | "unauthenticated" | "unavailable";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

const currentState = signal<AuthState>(token.peek() === null ? "unauthenticated" : "loading");
const currentUser = signal<User | null>(null);
const expired = signal(false);

let question: AbortController | undefined;
let asking: Promise<void> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let retryMs = FIRST_RETRY_MS;

export const session: {
  readonly state: ReadonlySignal<AuthState>;
  /** Null unless authenticated. */
  readonly user: ReadonlySignal<User | null>;
  /** True when the server took the session away while the page was open, until somebody logs in. */
  readonly hasExpired: ReadonlySignal<boolean>;
} = { state: currentState, user: currentUser, hasExpired: expired };

/** Begins to follow the token. Call it once. */
export function startSession(): void {
  whenTokenIsRefused(async (refused) => {
    // It may mean this request alone: the server is asked about the token itself, unless it is being asked.
    if (refused === token.peek() && currentState.peek() === "authenticated") asking = ask();
    await asking;
  });
  effect(() => {
    const present = token.value;
    untracked(() => follow(present));
  });
  addEventListener("online", tryAgain);
}

/** Takes over the account that the server has given: after logging in, and after a change of it. */
export function logIn(user: User): void {
  become("authenticated", user);
  keepToken(user.token);
}

export function logOut(): void {
  keepToken(null);
}

/** Asks the server at once when it was out of reach. */
export function tryAgain(): void {
  const present = token.peek();
  if (currentState.peek() === "unavailable" && present !== null) asking = ask();
}

function follow(present: string | null): void {
  if (present === null) {
    become("unauthenticated", null, expired.peek());
  } else if (currentUser.peek()?.token !== present) {
    become("loading", null);
    asking = ask();
  }
}

async function ask(): Promise<void> {
  stopAsking();
  const { signal: aborted } = (question = new AbortController());
  try {
    const user = await api.currentUser(aborted);
    retryMs = FIRST_RETRY_MS;
    // The token that came is the one that counts, should a server give another.
    logIn(user);
  } catch (error) {
    if (aborted.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    if (error.failure === "refused") refuse();
    else waitForServer();
  }
}

function refuse(): void {
  expired.value = currentState.peek() === "authenticated";
  keepToken(null);
}

function waitForServer(): void {
  // Whoever is known stays known: the next request tells whether the server is there.
  if (currentUser.peek() !== null) return;
  become("unavailable", null);
  retry = setTimeout(tryAgain, retryMs);
  retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
}

function become(state: AuthState, user: User | null, hasExpired = false): void {
  stopAsking();
  currentUser.value = user;
  currentState.value = state;
  expired.value = hasExpired;
}

function stopAsking(): void {
  clearTimeout(retry);
  question?.abort();
}
