/** A server that has no descriptors left: it says so, goes on with those it has, and takes on others when there is room. */
import { pause, RawClient } from "./raw-client.ts";
import { Outcome } from "./scenario.ts";
import { ServerProcess } from "./server-process.ts";

export interface DescriptorPlan {
  /** `ulimit -n` of the server. */
  readonly descriptors: number;
  /** How often descriptors run out. */
  readonly rounds: number;
}

export async function outOfDescriptors({ descriptors, rounds }: DescriptorPlan): Promise<Outcome> {
  const outcome = new Outcome();
  await using server = await ServerProcess.start({ descriptors });
  const first = (await RawClient.open(server.port)).listen();
  let without = 0;
  let served = 0;
  let servedBeside = 0;
  let late = 0;
  for (let round = 0; round < rounds; round++) {
    const flood = await Promise.all(Array.from({ length: 2 * descriptors }, () => RawClient.open(server.port)));
    const replies = flood.map((client) => client.listen().request());
    // Those without a descriptor are closed, or wait for one.
    const given = await Promise.all(replies.map((reply) => Promise.race([reply, pause(2_000)])));
    served += given.filter((reply) => typeof reply === "object" && reply.status === 200).length;
    without += given.filter((reply) => reply === undefined).length;
    if ((await first.request())?.status === 200) servedBeside++;
    await Promise.all(flood.map((client) => client.close()));
    let status: number | undefined;
    for (let attempt = 0; attempt < 50 && status !== 200; attempt++) {
      const client = (await RawClient.open(server.port)).listen();
      const reply = await Promise.race([client.request(), pause(1_000)]);
      status = typeof reply === "object" ? reply.status : undefined;
      await client.close();
      if (status !== 200) await pause(50);
    }
    if (status === 200) late++;
  }
  outcome.figure("descriptors", `${descriptors}, ${rounds} times ${2 * descriptors} connections`);
  outcome.figure("served · closed or waiting, of the flood", `${served} · ${without}`);
  outcome.figure("standard error", JSON.stringify(server.stderr.slice(0, 200)));
  outcome.atLeast("connections of the flood without a descriptor", without, rounds);
  outcome.atLeast("connections of the flood that were served", served, rounds);
  outcome.equal("rounds in which the connection that was there was served", servedBeside, rounds);
  outcome.equal("rounds after which a new one was", late, rounds);
  await first.close();
  server.signal();
  outcome.equal("exit status after SIGTERM", await server.ended(), 0);
  return outcome;
}
