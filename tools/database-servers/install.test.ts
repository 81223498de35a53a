import assert from "node:assert/strict";
import { test } from "node:test";
import { isDebian } from "./install.ts";

const DEBIAN = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n`;
const UBUNTU = `NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n`;
const MINT = `NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n`;
const FEDORA = `NAME="Fedora Linux"\nID=fedora\nVERSION_ID=42\n`;
/** Only ID and ID_LIKE count. */
const NAMED_SO = `NAME="not debian"\nID=other\nVARIANT_ID=debian\n`;

test("Debian, Ubuntu and what is made of them are known by their os-release", () => {
  assert.deepEqual([DEBIAN, UBUNTU, MINT].map(isDebian), [true, true, true]);
  assert.deepEqual([FEDORA, NAMED_SO, ""].map(isDebian), [false, false, false]);
});
