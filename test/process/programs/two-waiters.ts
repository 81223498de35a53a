// Two coroutines wait for one signal, and each gets it; a third waits for another.
import { run, scope, spawn } from "lunet";
import { waitSignal } from "lunet/signal";

await run(async () => {
  const other = spawn(() => waitSignal("HUP"));
  await scope(() => {
    for (const name of ["first", "second"]) {
      spawn(async () => console.log(`${name} got ${await waitSignal("USR2")}`));
    }
    console.log("waiting");
  });
  other.cancel();
});
