import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRequest } from "lunet/http";
import { Log } from "./log.ts";

function collect(): { lines: any[]; flushes: number; write(line: string): void; flushSync(): void } {
  return {
    lines: [],
    flushes: 0,
    write(line) {
      this.lines.push(JSON.parse(line));
    },
    flushSync() {
      this.flushes++;
    },
  };
}

const request = { id: "7", method: "GET", path: "/api/tags", target: "/api/tags?secret=1" } as HttpRequest;

test("a request is one line with its outcome and its user, without its query", () => {
  const destination = collect();
  const log = new Log("info", destination);
  assert.equal(log.logsRequests, true);
  log.request({ request, status: 200, contentBytes: 11, durationMs: 1.23456, complete: true }, 42);
  log.request({ request, status: 200, contentBytes: 5, durationMs: 2, complete: false }, undefined);
  const [first, second] = destination.lines;
  assert.equal(destination.flushes, 0);
  assert.match(first.time, /^\d{4}-\d\d-\d\dT.*Z$/);
  delete first.time;
  const line = { level: "info", msg: "request", id: "7", method: "GET", path: "/api/tags", status: 200 };
  assert.deepEqual(first, { ...line, bytes: 11, durationMs: 1.235, userId: 42 });
  assert.equal(second.complete, false);
  assert.ok(!("userId" in second));
});

test("a failure is logged with its cause and its request, and written at once", () => {
  const destination = collect();
  const { lines } = destination;
  const log = new Log("error", destination);
  assert.equal(log.logsRequests, false);
  log.failure(new Error("outer", { cause: new Error("inner") }), request);
  log.request({ request, status: 200, contentBytes: 0, durationMs: 0, complete: true }, undefined);
  assert.equal(lines.length, 1);
  assert.equal(destination.flushes, 1);
  assert.match(lines[0].err.stack, /outer[^]*inner/);
  assert.equal(lines[0].path, "/api/tags");
});

test("silent is silent", () => {
  const destination = collect();
  new Log("silent", destination).failure(new Error("x"));
  assert.deepEqual(destination.lines, []);
});
