/** What `lunet ps` writes to a terminal of what a program answers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { listenOnSocket } from "../../packages/lunet/src/host/inspector.ts";
import { runCommand, Session } from "./traced.ts";

test("nothing that a program answers steers the terminal of `lunet ps`, and its lines stay lines", async () => {
  using session = new Session();
  const path = join(session.folder, "a.sock");
  await listenOnSocket(path, () => ({ type: "text/plain", body: "one\x1b]0;title\x07\r\n  two\x9b2J\n" }));
  const { status, stdout } = await runCommand(["ps", path], session.environment());
  assert.deepEqual([status, stdout], [0, "one\\x1b]0;title\\x07\\x0d\n  two\\x9b2J\n"]);
});
