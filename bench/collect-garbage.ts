/**
 * Loaded before a server whose memory is looked at: on SIGUSR2 it collects its garbage, so that what is left is what is
 * held. For Node with `--expose-gc`, and for Bun.
 */
import { bun } from "./peers/bun.ts";

process.on("SIGUSR2", () => {
  if (bun !== undefined) bun.gc(true);
  else globalThis.gc?.();
});
