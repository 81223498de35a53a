/** Whether the process is up (`/healthz`), and whether it can work (`/readyz`): for those who watch it. */
import { withDeadline } from "lunet";
import type { Database, Statement } from "lunet/db";
import { json, type Reply } from "lunet/http";
import { Type } from "typebox";
import { ApiError, isBusy } from "./errors.ts";

/** How long the database may take to answer before the process counts as not ready, in milliseconds. */
const READY_TIMEOUT_MS = 2_000;

export const HealthReply = Type.Object({ status: Type.Literal("ok") });

/** The handlers of `/healthz` and `/readyz`. */
export class Health {
  readonly #isDraining: () => boolean;
  readonly #probe: Statement;

  constructor(database: Database, isDraining: () => boolean) {
    this.#isDraining = isDraining;
    this.#probe = database.prepare("SELECT amount FROM totals WHERE name = 'articles'");
  }

  readonly alive = (): Reply => json({ status: "ok" });

  /** 503 while the process drains, and when the database does not answer in time; a failure of it is a failure here. */
  readonly ready = async (): Promise<Reply> => {
    if (this.#isDraining()) throw new ApiError(503, { server: ["is draining"] });
    try {
      await withDeadline(READY_TIMEOUT_MS, () => this.#probe.queryRows());
    } catch (error) {
      if (!isBusy(error)) throw error;
      throw new ApiError(503, { database: ["is not ready"] }, { cause: error });
    }
    return json({ status: "ok" });
  };
}
