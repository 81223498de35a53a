/** Which entry of the browser's history is shown: what was loaded for it is shown at once when it is gone back to. */
import { signal } from "@preact/signals";

export const entryKey = signal("");
