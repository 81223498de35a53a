// expect public: use a public export: lunet
import { run } from "../../../packages/lunet/src/co/mod.ts";

export const start = run;
