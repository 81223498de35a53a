/** The command `lunet` hands on what its own Node was started with. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NodeProcess, Session } from "./traced.ts";

const COMMAND = fileURLToPath(new URL("../../packages/lunet/src/cli/main.ts", import.meta.url));

for (const command of ["run", "trace"]) {
  test(`\`node [option...] lunet ${command}\` gives the program the options of Node, in its process and its environment`, async () => {
    using session = new Session();
    const variables = join(session.folder, "variables");
    writeFileSync(variables, "OF_FILE=yes\n");
    const program = join(session.folder, "app.mjs");
    writeFileSync(program, `console.log(JSON.stringify([process.execArgv, process.env.OF_FILE]));\n`);
    const options = [`--env-file=${variables}`, "--stack-trace-limit=3"];
    await using node = new NodeProcess([...options, COMMAND, command, program], session.environment());
    const { status, stdout, stderr } = await node.ended();
    assert.deepEqual([status, stderr], [0, ""]);
    const conditions = command === "trace" ? ["--conditions=lunet-trace"] : [];
    assert.deepEqual(JSON.parse(stdout), [[...options, ...conditions], "yes"]);
  });
}

test("`node [option...] lunet sweep` gives the sweep's process the options of Node", async () => {
  using session = new Session();
  const file = join(session.folder, "sweep.mjs");
  writeFileSync(file, `console.log(JSON.stringify(process.execArgv)); export default "no sweep";\n`);
  const args = ["--stack-trace-limit=3", COMMAND, "sweep", file];
  await using node = new NodeProcess(args, session.environment());
  const { status, stdout } = await node.ended();
  assert.equal(status, 2);
  assert.deepEqual(JSON.parse(stdout), ["--stack-trace-limit=3", "--conditions=lunet-trace"]);
});
