/*
 * `make soak`: a server in the trace build with everything that lunet/http does, under a mixed load of clients that behave
 * and clients that do not. Its memory has to be flat and its ledger has to balance at the end.
 *
 * `SOAK_SECONDS` (60; memory is judged from 120 on) and `SOAK_SEED`. The status is 0 when all held, 1 for a failure, 2 for a setting
 * that it cannot use.
 */
import { join, relative } from "node:path";
import { createStampedFolder } from "../log-folder.ts";
import { isInterrupted } from "../run-command.ts";
import { readWhole } from "../settings.ts";
import { StepFailure, TracedServer } from "../traced-server.ts";
import { runSoakLoad } from "./load.ts";

const CLIENTS = 60;

const root = join(import.meta.dirname, "../..");
const say = (line: string): void => console.log(line);

async function soak(seconds: number, seed: number): Promise<void> {
  const folder = createStampedFolder(join(root, ".tmp", "logs"));
  const server = await TracedServer.start({
    root,
    folder,
    name: "Soak",
    program: join(root, "tools/soak/server.ts"),
    environment: process.env,
    listening: /^soak: listening on (http:\S+)$/,
    limitMs: 2 * seconds * 1_000 + 60_000,
    say,
  });
  try {
    say(`soak: ${seconds} s, ${CLIENTS} clients, SOAK_SEED=${seed}, process ${server.pid}`);
    say(`soak: logs in ${relative(process.cwd(), folder)}`);
    await server.bear(seconds, seed, (signal) =>
      runSoakLoad({ url: server.url, seconds, clients: CLIENTS, seed, signal }),
    );
    await server.stop();
    say("soak: passed");
  } finally {
    await server.kill();
  }
}

try {
  const seconds = readWhole("SOAK_SECONDS", 60, 86_400);
  const seed = readWhole("SOAK_SEED", (Date.now() % 0x7fff_ffff) + 1, 0x7fff_ffff);
  await soak(seconds, seed);
} catch (error) {
  process.exitCode = error instanceof RangeError ? 2 : 1;
  if (!isInterrupted())
    say(
      `soak: ${error instanceof StepFailure || error instanceof RangeError ? error.message : String((error as Error).stack)}`,
    );
}
