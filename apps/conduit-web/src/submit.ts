/**
 * Sending a form.
 *
 * - A form is as it was when sending it fails.
 * - While the server is out of reach it is asked for until it is back; then what may be sent twice is sent again by itself, and of the rest
 *   the visitor is told that it can be: a request without an answer may have been carried out.
 * - Sent again is what the visitor has sent; when something else has been typed since, that is left to the visitor.
 * - A form is of the account that it was drawn for. While the server has not said whose another token is, nothing is sent.
 * - A form that was left is done with: nothing is sent again, and its answer leads nowhere.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, api } from "./api.ts";
import { Backoff } from "./backoff.ts";
import { session } from "./session.ts";
import { token } from "./token.ts";

export interface Submission {
  readonly error: ApiError | undefined;
  /** On its way, and not to be sent again. */
  readonly isBusy: boolean;
  /** After a failure for want of a server: whether it is back. */
  readonly server: "away" | "back" | undefined;
  readonly submit: (event?: Event) => void;
}

export interface SubmitOptions<T> {
  /** What the form holds, as JSON could: by it the form knows whether it has been changed since. */
  readonly content: object;
  readonly send: () => Promise<T>;
  /** What follows the answer, unless the form has been left. */
  readonly done: (answer: T) => void;
  /** Sending it twice does the same as sending it once. Default false. */
  readonly isRepeatable?: boolean;
}

type State = Pick<Submission, "error" | "isBusy" | "server">;

const IDLE: State = { error: undefined, isBusy: false, server: undefined };

/** Sends a form, one time at a time. */
export function useSubmit<T>(options: SubmitOptions<T>): Submission {
  const [state, setState] = useState(IDLE);
  const latest = useRef(options);
  latest.current = options;
  const form = useMemo(() => new RunningForm(latest, setState), []);
  useEffect(() => () => form.leave(), [form]);
  return { ...state, submit: form.submit };
}

class RunningForm<T> {
  readonly #latest: { readonly current: SubmitOptions<T> };
  readonly #show: (state: State) => void;
  readonly #left = new AbortController();
  readonly #account = session.account.peek();
  readonly #backoff = new Backoff();
  #token = token.peek();
  /** The wait for a server that is away. */
  #waiting: AbortController | undefined;
  #error: ApiError | undefined;
  #isBusy = false;

  constructor(latest: { readonly current: SubmitOptions<T> }, show: (state: State) => void) {
    this.#latest = latest;
    this.#show = show;
  }

  readonly submit = (event?: Event): void => {
    event?.preventDefault();
    this.#backoff.reset();
    void this.#run(this.#latest.current);
  };

  leave(): void {
    this.#left.abort();
  }

  async #run(sent: SubmitOptions<T>): Promise<void> {
    // The form of another account is about to go.
    if (this.#isBusy || session.account.peek() !== this.#account) return;
    this.#waiting?.abort();
    this.#isBusy = true;
    this.#show({ error: this.#error, isBusy: true, server: undefined });
    try {
      this.#checkToken();
      const answer = await sent.send();
      this.#end(undefined, sent);
      if (!this.#left.signal.aborted) sent.done(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      this.#end(error instanceof ApiError ? error : new ApiError("failed", undefined, ["This page has failed."]), sent);
    } finally {
      this.#isBusy = false;
    }
  }

  /** The same account may have another token by now; whose it is, the server has to have said. */
  #checkToken(): void {
    const present = token.peek();
    if (present !== null && present !== this.#token && session.state.peek() !== "authenticated") {
      throw new ApiError("refused", undefined, ["The server has not said yet who you are. Please send again."]);
    }
    this.#token = present;
  }

  #end(error: ApiError | undefined, sent: SubmitOptions<T>): void {
    this.#error = error;
    const isAway = error?.failure === "unreachable";
    this.#show({ error, isBusy: false, server: isAway ? "away" : undefined });
    if (isAway) void this.#goOn(sent);
  }

  async #goOn(sent: SubmitOptions<T>): Promise<void> {
    this.#waiting = new AbortController();
    const signal = AbortSignal.any([this.#left.signal, this.#waiting.signal]);
    if (!(await serverIsBack(signal, this.#backoff))) return;
    const isUnchanged = JSON.stringify(sent.content) === JSON.stringify(this.#latest.current.content);
    if (sent.isRepeatable === true && isUnchanged) void this.#run(sent);
    else this.#show({ error: this.#error, isBusy: false, server: "back" });
  }
}

/** Asks until there is an answer; false if nobody waits for it any more. */
async function serverIsBack(signal: AbortSignal, backoff: Backoff): Promise<boolean> {
  while (!signal.aborted) {
    await pause(backoff.next(), signal);
    try {
      await api.tags(signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof ApiError)) throw error;
      if (error.failure !== "unreachable") return true;
    }
  }
  return false;
}

/** Waits, at most until the browser is online again, or nobody waits any more. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
