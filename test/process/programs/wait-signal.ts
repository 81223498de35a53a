// Waits for the signals of its arguments, one after the other: `INT,TERM` stands for either of them.
import { run } from "lunet";
import { type SignalName, waitSignal } from "lunet/signal";

await run(async () => {
  for (const names of process.argv.slice(2)) {
    const waiting = waitSignal(...(names.split(",") as SignalName[]));
    console.log(`waiting for ${names}`);
    console.log(`got ${await waiting}`);
  }
});
