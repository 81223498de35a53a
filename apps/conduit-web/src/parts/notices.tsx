/** The lines at the lower edge of the window: what the visitor has to know wherever they are. Screen readers read them out. */
import { signal } from "@preact/signals";
import { dismissNotice, notice } from "../notices.ts";
import { session, tryAgain } from "../session.ts";

const isOffline = signal(!navigator.onLine);
for (const type of ["online", "offline"]) {
  addEventListener(type, () => {
    isOffline.value = !navigator.onLine;
  });
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      <Connection />
      <Message />
    </div>
  );
}

function Connection() {
  if (isOffline.value) return <p class="notice notice-warning">You are offline. What you write is kept.</p>;
  if (session.state.value !== "unavailable") return null;
  return (
    <p class="notice notice-warning">
      Unable to connect to your account. It is tried again.{" "}
      <button type="button" class="btn btn-sm btn-outline-secondary" onClick={tryAgain}>
        Try now
      </button>
    </p>
  );
}

function Message() {
  const message = notice.value;
  if (message === undefined) return null;
  return (
    <div class={message.kind === "failed" ? "notice notice-error" : "notice"}>
      {message.kind === "failed" ? (
        <ul class="error-messages">
          <li>{message.text}</li>
        </ul>
      ) : (
        message.text
      )}{" "}
      <button type="button" class="btn btn-sm btn-outline-secondary" onClick={dismissNotice}>
        Close
      </button>
    </div>
  );
}
