// expect cycle: move what both need into a file below them
import { a } from "./cycle-a.ts";

export const b: unknown = a;
