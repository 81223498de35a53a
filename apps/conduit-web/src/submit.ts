/**
 * Sending a form.
 *
 * A form is as it was when sending it fails. While the server is out of reach it is asked for until it is back; then what may be sent
 * twice is sent again by itself, and of the rest the visitor is told that it can be: a request without an answer may
 * have been carried out.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api } from "./api.ts";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;

export interface Submission {
  readonly error: ApiError | undefined;
  /** On its way, and not to be sent again. */
  readonly isBusy: boolean;
  /** After a failure for want of a server: whether it is back. */
  readonly server: "away" | "back" | undefined;
  readonly submit: (event?: Event) => void;
}

export interface SubmitOptions {
  /** Sending it twice does the same as sending it once. Default false. */
  readonly isRepeatable?: boolean;
}

/** Sends what `send` sends, one at a time. */
export function useSubmit(send: () => Promise<void>, { isRepeatable = false }: SubmitOptions = {}): Submission {
  const [state, setState] = useState<Pick<Submission, "error" | "isBusy" | "server">>(IDLE);
  const latest = useRef(send);
  latest.current = send;
  const underWay = useRef(false);
  const waiting = useRef<AbortController>(undefined);
  useEffect(() => () => waiting.current?.abort(), []);

  const run = async (): Promise<void> => {
    if (underWay.current) return;
    waiting.current?.abort();
    underWay.current = true;
    setState((before) => ({ ...before, isBusy: true }));
    try {
      await latest.current();
      setState(IDLE);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const isAway = error.failure === "unreachable";
      setState({ error, isBusy: false, server: isAway ? "away" : undefined });
      if (isAway) void goOn(error);
    } finally {
      underWay.current = false;
    }
  };

  const goOn = async (error: ApiError): Promise<void> => {
    const { signal } = (waiting.current = new AbortController());
    if (!(await serverIsBack(signal))) return;
    if (isRepeatable) void run();
    else setState({ error, isBusy: false, server: "back" });
  };

  const submit = (event?: Event): void => {
    event?.preventDefault();
    void run();
  };
  return { ...state, submit };
}

const IDLE = { error: undefined, isBusy: false, server: undefined } as const;

/** Asks until there is an answer; false if nobody waits for it any more. */
async function serverIsBack(signal: AbortSignal): Promise<boolean> {
  for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
    await pause(waitMs, signal);
    if (signal.aborted) return false;
    try {
      await api.tags(signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof ApiError)) throw error;
      if (error.failure !== "unreachable") return true;
    }
  }
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
  });
}
