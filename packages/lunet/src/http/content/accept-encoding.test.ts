import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptableCodings, acceptsIdentity, contentCodings } from "./accept-encoding.ts";

const cases: ReadonlyArray<readonly [field: string | undefined, codings: readonly string[]]> = [
  [undefined, []],
  ["", []],
  ["gzip", ["gzip"]],
  ["GZip", ["gzip"]],
  ["x-gzip", ["gzip"]],
  ["gzip, deflate, br, zstd", ["br", "zstd", "gzip"]],
  ["gzip;q=1.0, br;q=0.9", ["gzip", "br"]],
  ["br;q=0.001,gzip;q=0.002", ["gzip", "br"]],
  ["*", ["br", "zstd", "gzip"]],
  ["*;q=0", []],
  ["br;q=0, *", ["zstd", "gzip"]],
  ["gzip, *;q=0", ["gzip"]],
  ["identity", []],
  ["identity;q=0", []],
  ["identity;q=0, *", ["br", "zstd", "gzip"]],
  ["identity, gzip;q=0.5", []],
  ["identity;q=0.5, gzip", ["gzip"]],
  ["identity;q=0.5, gzip;q=0.5", ["gzip"]],
  ["gzip ; q=0.5 ,\tbr", ["br", "gzip"]],
  ["gzip;q=0.5;level=1", []],
  ["gzip;q=2", []],
  ["gzip;q=-1", []],
  ["gzip;q=0.1234", []],
  ["gzip;Q=0", []],
  ["gzip;;q=1", []],
  ["gz ip", []],
  [",,gzip,", ["gzip"]],
  ["compress, deflate", []],
  [`${"a,".repeat(40)}gzip`, []],
];

for (const [field, codings] of cases) {
  void test(`"${(field ?? "no field").slice(0, 40)}" takes ${codings.join(", ") || "no coding"}`, () => {
    assert.deepEqual(acceptableCodings(field, contentCodings), codings);
  });
}

void test("content without a coding is refused by name or by the star", () => {
  for (const field of [undefined, "", "gzip", "gzip;q=0", "*;q=0, identity", "identity;q=0.1", "*;q=0.5"]) {
    assert.equal(acceptsIdentity(field), true, String(field));
  }
  for (const field of ["identity;q=0", "*;q=0", "gzip, identity;q=0.0", "gzip, *;q=0"]) {
    assert.equal(acceptsIdentity(field), false, field);
  }
});
