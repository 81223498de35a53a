// After a run, a rejection outside every coroutine still ends the process.
import { run } from "lunet";

await run(async () => {});
void Promise.reject(new Error("outside of lunet"));
setTimeout(() => console.log("went on"), 60_000);
