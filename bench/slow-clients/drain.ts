/** SIGTERM while keep-alive clients go on: no request that was sent on an accepted connection goes without an answer. */
import { HELLO, pause, RawClient } from "./raw-client.ts";
import { Outcome } from "./scenario.ts";
import { ServerProcess } from "./server-process.ts";

export interface DrainPlan {
  readonly clients: number;
  readonly rounds: number;
  /** The longest pause of a client between a reply and its next request. */
  readonly maxPauseMs: number;
}

const LATER = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";

interface Counts {
  answered: number;
  /** Sent on a connection that had been served, and never answered. */
  lost: number;
  /** Told by `Connection: close`. */
  told: number;
  /** Closed while the client had nothing on its way. */
  closedIdle: number;
}

async function goOn(port: number, seed: number, maxPauseMs: number, counts: Counts, isOn: () => void): Promise<void> {
  const client = (await RawClient.open(port)).listen();
  await client.request();
  isOn();
  for (let turn = seed; ; turn++) {
    await Promise.race([pause((turn * 7) % (maxPauseMs + 1)), client.closed]);
    if (client.isClosed) {
      counts.closedIdle++;
      return;
    }
    const reply = await client.request(turn % 3 === 0 ? LATER : HELLO);
    if (reply === undefined) counts.lost++;
    else counts.answered++;
    if (reply === undefined || /\r\nconnection: close/i.test(reply.head)) {
      if (reply !== undefined) counts.told++;
      await client.close();
      return;
    }
  }
}

export async function drainUnderLoad({ clients, rounds, maxPauseMs }: DrainPlan): Promise<Outcome> {
  const outcome = new Outcome();
  const counts: Counts = { answered: 0, lost: 0, told: 0, closedIdle: 0 };
  const statuses = new Set<number | null>();
  let slowestMs = 0;
  for (let round = 0; round < rounds; round++) {
    await using server = await ServerProcess.start();
    let left = clients;
    const { promise: allOn, resolve } = Promise.withResolvers<void>();
    const isOn = (): void => {
      left--;
      if (left === 0) resolve();
    };
    const going = Array.from({ length: clients }, (_, index) =>
      goOn(server.port, index + round, maxPauseMs, counts, isOn),
    );
    await allOn;
    await pause(300);
    const sinceMs = performance.now();
    server.signal();
    await Promise.all(going);
    statuses.add(await server.ended());
    slowestMs = Math.max(slowestMs, performance.now() - sinceMs);
  }
  outcome.figure("clients", `${clients}, ${rounds} times`);
  outcome.figure("requests answered", counts.answered);
  outcome.figure("clients told to close · closed while idle", `${counts.told} · ${counts.closedIdle}`);
  outcome.figure("longest drain", slowestMs, " ms");
  outcome.equal("requests without an answer", counts.lost, 0);
  outcome.equal("exit statuses", [...statuses].join(", "), "0");
  outcome.atMost("longest drain", slowestMs, 3_000, " ms", 0);
  return outcome;
}
