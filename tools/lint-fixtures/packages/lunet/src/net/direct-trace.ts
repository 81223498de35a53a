// expect front-door: use "#trace"
import { TRACE } from "../trace/off.ts";
// expect front-door: use "#trace"
import { TRACE as again } from "../trace/mod.ts";

export const build = [TRACE, again];
