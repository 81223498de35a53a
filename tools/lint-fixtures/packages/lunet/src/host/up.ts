// expect direction: host/ may import nothing outside itself
import { suspend } from "../co/mod.ts";

export const wait = suspend;
