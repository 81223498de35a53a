import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "./settings.ts";

function heldMs(value: string): Record<string, number> {
  return Object.fromEntries(readSettings({ LUNET_TRACE_HELD_MS: value }).heldMs);
}

test("without settings the defaults are in force", () => {
  const settings = readSettings({});
  assert.deepEqual(
    { ...settings, heldMs: Object.fromEntries(settings.heldMs) },
    {
      findings: "stop",
      summary: "on",
      heldMs: { lease: 10_000, transaction: 10_000, lock: 10_000 },
      loopMs: 500,
      touches: 8,
      baseline: undefined,
      socket: undefined,
      port: undefined,
    },
  );
});

test("a variable that is set to nothing is one that is not set", () => {
  const names = ["FINDINGS", "SUMMARY", "HELD_MS", "LOOP_MS", "TOUCHES", "BASELINE", "SOCKET", "PORT"];
  const empty = Object.fromEntries(names.map((name) => [`LUNET_TRACE_${name}`, ""]));
  assert.deepEqual(readSettings(empty), readSettings({}));
});

test("every setting is taken from its variable", () => {
  const settings = readSettings({
    LUNET_TRACE_FINDINGS: "collect",
    LUNET_TRACE_SUMMARY: "off",
    LUNET_TRACE_LOOP_MS: "0",
    LUNET_TRACE_TOUCHES: "1000",
    LUNET_TRACE_BASELINE: "known.json",
    LUNET_TRACE_SOCKET: "off",
    LUNET_TRACE_PORT: "0",
  });
  const { findings, summary, loopMs, touches, baseline, socket, port } = settings;
  assert.deepEqual(
    { findings, summary, loopMs, touches, baseline, socket, port },
    { findings: "collect", summary: "off", loopMs: 0, touches: 1_000, baseline: "known.json", socket: "off", port: 0 },
  );
});

test("one number limits how long every kind may be held that has a limit", () => {
  assert.deepEqual(heldMs("250"), { lease: 250, transaction: 250, lock: 250 });
});

test("limits by kind leave the others at their defaults, and may name a kind of the program's own", () => {
  assert.deepEqual(heldMs("lease=500, ticket=20"), { lease: 500, transaction: 10_000, lock: 10_000, ticket: 20 });
});

test("a limit of 0 is none", () => {
  assert.deepEqual(heldMs("0"), {});
  assert.deepEqual(heldMs("transaction=0"), { lease: 10_000, lock: 10_000 });
});

test("what cannot be used is refused with the variable, what it holds and what it may", () => {
  const cases: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["LUNET_TRACE_FINDINGS", "Stop", /^Cannot use LUNET_TRACE_FINDINGS: found "Stop", wanted "stop" or "collect"$/],
    ["LUNET_TRACE_SUMMARY", "1", /^Cannot use LUNET_TRACE_SUMMARY: found "1", wanted "on", "off" or "json"$/],
    [
      "LUNET_TRACE_LOOP_MS",
      "-1",
      /^Cannot use LUNET_TRACE_LOOP_MS: found "-1", wanted a whole number from 0 to 3600000$/,
    ],
    ["LUNET_TRACE_LOOP_MS", "3600001", /wanted a whole number from 0 to 3600000$/],
    ["LUNET_TRACE_LOOP_MS", "1.5", /wanted a whole number/],
    ["LUNET_TRACE_TOUCHES", "0", /^Cannot use LUNET_TRACE_TOUCHES: found "0", wanted a whole number from 1 to 1000$/],
    ["LUNET_TRACE_TOUCHES", "1001", /wanted a whole number from 1 to 1000$/],
    [
      "LUNET_TRACE_PORT",
      "65536",
      /^Cannot use LUNET_TRACE_PORT: found "65536", wanted a whole number from 0 to 65535$/,
    ],
    [
      "LUNET_TRACE_HELD_MS",
      "lease",
      /^Cannot use LUNET_TRACE_HELD_MS: found "lease", wanted milliseconds for all kinds/,
    ],
    ["LUNET_TRACE_HELD_MS", "lease=1,", /^Cannot use LUNET_TRACE_HELD_MS: found "lease=1,"/],
    ["LUNET_TRACE_HELD_MS", "lease=-1", /^Cannot use LUNET_TRACE_HELD_MS: found "lease=-1"/],
  ];
  for (const [name, value, message] of cases) {
    assert.throws(() => readSettings({ [name]: value }), { name: "RangeError", message });
  }
});

test("the values at the limits are taken", () => {
  const least = readSettings({ LUNET_TRACE_LOOP_MS: "0", LUNET_TRACE_TOUCHES: "1", LUNET_TRACE_PORT: "0" });
  assert.deepEqual([least.loopMs, least.touches, least.port], [0, 1, 0]);
  const most = readSettings({
    LUNET_TRACE_LOOP_MS: "3600000",
    LUNET_TRACE_TOUCHES: "1000",
    LUNET_TRACE_PORT: "65535",
  });
  assert.deepEqual([most.loopMs, most.touches, most.port], [3_600_000, 1_000, 65_535]);
});
