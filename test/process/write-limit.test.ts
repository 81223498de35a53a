import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("programs/write-limit.ts", import.meta.url));
/** `ulimit -f` counts in blocks of 512 bytes. */
const LIMIT_BLOCKS = 16;

test("a write that the system takes in parts goes on with the rest, and a failure of the rest is thrown", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "lunet-write-limit-"));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const position of [[], ["0"]]) {
    const output = execFileSync(
      "sh",
      ["-c", `ulimit -f ${LIMIT_BLOCKS}; exec "$0" "$@"`, process.execPath, PROGRAM, join(folder, "file"), ...position],
      { encoding: "utf8", timeout: 10_000 },
    );
    assert.equal(output, `ERR_FILE_TOO_LARGE ${LIMIT_BLOCKS * 512}\n`);
  }
});
