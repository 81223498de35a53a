/** Starts the UI. */
import { firstAnswers } from "./first-answers.ts";
import { render } from "preact";
import { App } from "./app.tsx";
import { dropEarly } from "./early-answers.ts";
import { restorePlace, startNavigation } from "./navigation.ts";
import { session, startSession, type AuthState } from "./session.ts";
import type { User } from "./decode.ts";
import { startTheme } from "./theme.ts";
import { token } from "./token.ts";

declare global {
  interface Window {
    /** For tests and the curious: who the page takes its visitor for. */
    readonly __conduit_debug__: {
      readonly getToken: () => string | null;
      readonly getAuthState: () => AuthState;
      readonly getCurrentUser: () => User | null;
    };
  }
}

Object.defineProperty(window, "__conduit_debug__", {
  value: Object.freeze({
    getToken: () => token.peek(),
    getAuthState: () => session.state.peek(),
    getCurrentUser: () => session.user.peek(),
  }),
});

startTheme();
startSession();
startNavigation();
const root = document.getElementById("root");
if (root === null) throw new Error("Cannot start: found no element with the id root");
await firstAnswers();
render(<App />, root);
dropEarly();
void restorePlace();
