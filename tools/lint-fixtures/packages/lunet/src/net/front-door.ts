// expect front-door: use "packages/lunet/src/co/mod.ts"
import { run } from "../co/run.ts";

export const start = run;
