// expect direction: trace/ may import host
import { run } from "../co/mod.ts";

export const TRACE = false;
export const made: (kind: string, thing: object) => void = run;
