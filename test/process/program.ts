/** Runs one of the programs beside the tests as a process of its own, in the build that the tests run in. */
import { type Ended, NodeProcess, programFile } from "./traced.ts";

export type Outcome = Ended;

export class Program extends NodeProcess {
  constructor(name: string, ...args: readonly string[]) {
    const conditions = process.execArgv.filter((arg) => arg.startsWith("--conditions="));
    super([...conditions, programFile(name), ...args], process.env);
  }

  /** Waits until the program has written `text` to standard output. */
  async waitOutput(text: string): Promise<void> {
    await this.waitText("stdout", new RegExp(RegExp.escape(text)));
  }
}

/** Runs a program to its end. */
export async function runProgram(name: string, ...args: readonly string[]): Promise<Outcome> {
  await using program = new Program(name, ...args);
  return await program.ended();
}
