// expect edge: use lunet/fs
import { readFileSync } from "node:fs";

export const read = readFileSync;
