// Ends in the way that its argument names.
import { run, scope, sleep, spawn, suspend } from "lunet";

async function openShop(): Promise<never> {
  await sleep(1);
  throw new Error("the shop is shut");
}

const ways: Record<string, () => unknown> = {
  success: async () => "a value that is no status",
  number: async () => 7,
  failure: async () => {
    await openShop();
  },
  coroutine: async () => {
    spawn(openShop, { name: "shop" });
    await sleep(60_000);
  },
  several: async () => {
    await scope(async () => {
      spawn(openShop);
      try {
        await sleep(60_000);
      } finally {
        // eslint-disable-next-line no-unsafe-finally
        throw new Error("and so is the back door");
      }
    });
  },
  floating: async () => {
    void openShop();
    await sleep(60_000);
  },
  "floating-cancel": async () => {
    const child = spawn(async () => {
      const first = (async () => sleep(60_000))();
      await sleep(60_000);
      await first;
    });
    child.cancel();
    await child.join().catch(() => console.log("cancelled"));
    await sleep(5);
    console.log("and nothing else");
  },
  deadlock: async () => {
    spawn(() => suspend<void>("bell", () => () => {}), { name: "waiter" });
    await suspend<void>("telephone", () => () => {});
  },
  "fixed-deadlock": async () => {
    await suspend<void>("telephone", () => undefined);
  },
  "cleanup-after-deadlock": async () => {
    try {
      await suspend<void>("telephone", () => () => {});
    } finally {
      console.log("cleaned");
    }
  },
};

const main = ways[process.argv[2] ?? ""];
if (main === undefined) throw new Error(`Cannot end: found no way "${process.argv[2]}"`);
await run(main);
