import type { ComponentChildren } from "preact";
import type { ApiError } from "../api.ts";

interface ErrorMessagesProps {
  readonly error: ApiError | undefined;
  /** What there is to say beside the messages, as items of the list. */
  readonly children?: ComponentChildren;
}

/** Why something was not done. Screen readers say it when it appears. */
export function ErrorMessages({ error, children }: ErrorMessagesProps) {
  if (error === undefined) return null;
  return (
    <div role="alert">
      <ul class="error-messages">
        {error.messages.map((message) => (
          <li key={message}>{message}</li>
        ))}
        {children}
      </ul>
    </div>
  );
}

interface LoadFailureProps {
  readonly error: ApiError | undefined;
  readonly reload: () => void;
}

/** Why there is nothing to show, and a way on. */
export function LoadFailure({ error, reload }: LoadFailureProps) {
  if (error === undefined) return null;
  return (
    <div class="load-failure">
      <ErrorMessages error={error}>
        {error.failure === "unreachable" && <li>It is tried again until there is an answer.</li>}
      </ErrorMessages>
      <button type="button" class="btn btn-sm btn-outline-secondary" onClick={reload}>
        Try again
      </button>
    </div>
  );
}
