/** A command line that cannot be understood, and the status that stands for it. */

/** The status of a command that was called wrongly. */
export const USAGE_STATUS = 2;

/** Says on standard error what was wrong with a call, and gives its status. */
export function refuseUsage(command: string, found: string, wanted: string): number {
  process.stderr.write(
    `lunet ${command}: Cannot run: found ${found}, wanted ${wanted}\nlunet help shows all commands\n`,
  );
  return USAGE_STATUS;
}
