// cli/ stands on top of everything, so nothing is found here.
import { run } from "../co/mod.ts";
import { now } from "../host/clock.ts";
import { TRACE } from "../trace/mod.ts";

export const program = { run, now, TRACE };
