#!/usr/bin/env node
/**
 * The command `lunet`. It loads only the command that is asked for, and before that looks at the version of Node: what
 * this file itself is written in, older ones understand too.
 */
import { refuseNode } from "./node-version.ts";

const HELP = `lunet: runs programs and shows what they do

  lunet run app.ts [argument...]                    run a program
  lunet run --workers=N app.ts [argument...]        run it in N processes on one port, or in one for each processor with
                                                    --workers=auto, and keep them alive; lunet trace can do so too
  lunet trace [--page[=port]] app.ts [argument...]  run it in the trace build, which watches everything it owns;
                                                    --page shows it on http://127.0.0.1:9230/, or another port
  lunet ps [--json] <pid or socket>                 print what a traced program does now
  lunet ps                                          list the traced programs
  lunet sweep file.ts                               cancel or fail what a file sweeps, at each of its waits in turn
  lunet help                                        print this

docs/trace.md and docs/workers.md tell more.
`;

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case "run":
    case "trace":
      return (await import("./run-program.ts")).runCommand(command, rest);
    case "ps":
      return (await import("./ps.ts")).psCommand(rest);
    case "sweep":
      return (await import("./sweep.ts")).sweepCommand(rest);
    case "help":
    case "--help":
    case "-h":
      process.stdout.write(HELP);
      return 0;
    default: {
      const found = command === undefined ? "no command" : `"${command}"`;
      process.stderr.write(`lunet: Cannot run: found ${found}, wanted run, trace, ps, sweep or help\n\n${HELP}`);
      return 2;
    }
  }
}

const refusal = refuseNode(process.versions.node);
if (refusal === undefined) process.exitCode = await main(process.argv.slice(2));
else {
  process.stderr.write(`lunet: ${refusal}\n`);
  process.exitCode = 2;
}
