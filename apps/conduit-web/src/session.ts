/**
 * Who the visitor is.
 *
 *   loading          there is a token, and the server has not said yet whose it is
 *   authenticated    the server has said whose it is
 *   unauthenticated  there is no token, or the server has refused it (any 4xx), which takes it away
 *   unavailable      the server has not answered, or failed (5xx): the token is kept and asked about again, and again
 *
 * The token decides: whatever changes it, in this tab or another, starts this anew.
 */
import { batch, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { ApiError, api, whenTokenIsRefused } from "./api.ts";
import { Backoff } from "./backoff.ts";
import type { User } from "./decode.ts";
import { keepToken, token } from "./token.ts";

export type AuthState = "loading" | "authenticated" | "unauthenticated" | "unavailable";

const currentState = signal<AuthState>(token.peek() === null ? "unauthenticated" : "loading");
const currentUser = signal<User | null>(null);
const expired = signal(false);
const currentAccount = signal(0);

/** Who was authenticated last. */
let lastUsername: string | undefined;
let question: AbortController | undefined;
let asking: Promise<void> | undefined;
let isAsking = false;
let retry: ReturnType<typeof setTimeout> | undefined;
const backoff = new Backoff();

export const session: {
  readonly state: ReadonlySignal<AuthState>;
  /** Null unless authenticated. */
  readonly user: ReadonlySignal<User | null>;
  /** True when the session ended while the page was open, other than by logging out in it, until somebody logs in. */
  readonly hasExpired: ReadonlySignal<boolean>;
  /** Another number for another account: what one has typed is not for the next to send. A new name is no new account. */
  readonly account: ReadonlySignal<number>;
} = { state: currentState, user: currentUser, hasExpired: expired, account: currentAccount };

/** Begins to follow the token. Call it once. */
export function startSession(): void {
  whenTokenIsRefused(async (refused) => {
    // It may mean this request alone: the server is asked about the token itself, unless it is being asked.
    const isNews = refused === token.peek() && currentState.peek() === "authenticated" && !isAsking;
    if (isNews) asking = ask(refused);
    await asking;
  });
  effect(() => {
    const present = token.value;
    untracked(() => follow(present));
  });
  addEventListener("online", tryAgain);
}

/**
 * Takes over the account that the server has given to a request, unless somebody has logged in or out since it was sent with `sentToken`.
 */
export function takeOver(user: User, sentToken: string | null): void {
  if (token.peek() !== sentToken) return;
  // A change of the own account may be a new name.
  if (sentToken !== null) lastUsername = user.username;
  batch(() => {
    become("authenticated", user);
    keepToken(user.token);
  });
}

export function logOut(): void {
  batch(() => {
    become("unauthenticated", null);
    keepToken(null);
  });
}

/** Asks the server at once when it was out of reach. */
export function tryAgain(): void {
  const present = token.peek();
  if (currentState.peek() === "unavailable" && present !== null) asking = ask(present);
}

function follow(present: string | null): void {
  if (present === null) {
    // Taken away by the server, or in another tab: what is being written here stays.
    if (currentState.peek() !== "unauthenticated") become("unauthenticated", null, lastUsername !== undefined);
  } else if (currentUser.peek()?.token !== present) {
    become("loading", null, expired.peek());
    asking = ask(present);
  }
}

async function ask(present: string): Promise<void> {
  stopAsking();
  const { signal: aborted } = (question = new AbortController());
  isAsking = true;
  try {
    const user = await api.currentUser(aborted);
    if (aborted.aborted) return;
    backoff.reset();
    // Some servers give a new token with every answer. Two tabs that took each other's would never come to rest.
    become("authenticated", { ...user, token: present });
  } catch (error) {
    if (aborted.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    if (error.failure === "refused") keepToken(null);
    else waitForServer();
  } finally {
    // One that was given up has a successor, or none is wanted.
    if (question?.signal === aborted) isAsking = false;
  }
}

function waitForServer(): void {
  // Whoever is known stays known: the next request tells whether the server is there.
  if (currentUser.peek() !== null) return;
  become("unavailable", null, expired.peek());
  retry = setTimeout(tryAgain, backoff.next());
}

function become(state: AuthState, user: User | null, hasExpired = false): void {
  stopAsking();
  batch(() => {
    currentUser.value = user;
    currentState.value = state;
    expired.value = hasExpired;
    if (user !== null && user.username !== lastUsername) {
      if (lastUsername !== undefined) currentAccount.value++;
      lastUsername = user.username;
    }
  });
}

function stopAsking(): void {
  clearTimeout(retry);
  question?.abort();
}
