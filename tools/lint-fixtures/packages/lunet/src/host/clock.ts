// host/ is the edge, so nothing is found here.
import { setTimeout as wait } from "node:timers/promises";

export const now = () => Date.now();
export const later = () => wait(1);
