// Says its arguments and its build, then waits for a byte on a connection that it holds, until SIGTERM. The first
// argument may name another end.
import { run, spawn } from "lunet";
import { connect, listen } from "lunet/net";
import { waitSignal } from "lunet/signal";
import { TRACE } from "lunet/trace";

async function readFirstByte(port: number): Promise<void> {
  await using connection = await connect({ port });
  console.log("ready");
  await connection.read();
}

await run(async () => {
  const [end] = process.argv.slice(2);
  console.log(`pid ${process.pid} ${TRACE ? "trace" : "release"} ${JSON.stringify(process.argv.slice(2))}`);
  if (end === "return") return 7;
  if (end === "fail") throw new Error("on order");
  // A wait for a signal would turn its default action off.
  const signal = end === "no-handler" ? undefined : spawn(() => waitSignal("TERM"), { name: "signal" });
  await using listener = await listen({ port: 0 });
  const address = listener.address;
  if (address.family !== "IPv4") throw new Error(`Cannot connect: found ${address.family}, wanted IPv4`);
  const reader = spawn(() => readFirstByte(address.port), { name: "reader" });
  if (signal === undefined) await reader.join();
  else await signal.join();
  reader.cancel();
  return 3;
});
