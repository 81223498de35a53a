export { run } from "./run.ts";
export { suspend } from "./waits.ts";
