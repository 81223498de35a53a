import assert from "node:assert/strict";
import { test } from "node:test";
import { frameRanges, MAX_RANGES, parseRanges } from "./byte-ranges.ts";

/** Of 1,000 bytes; undefined when the field is ignored. */
const cases: ReadonlyArray<readonly [field: string, ranges: ReadonlyArray<readonly [number, number]> | undefined]> = [
  ["bytes=0-0", [[0, 0]]],
  ["bytes=0-499", [[0, 499]]],
  ["BYTES=0-499", [[0, 499]]],
  ["bytes=500-", [[500, 999]]],
  ["bytes=999-", [[999, 999]]],
  ["bytes=0-999", [[0, 999]]],
  ["bytes=0-1000", [[0, 999]]],
  ["bytes=0-99999999999999999999999", [[0, 999]]],
  ["bytes=-1", [[999, 999]]],
  ["bytes=-1000", [[0, 999]]],
  ["bytes=-99999999999999999999999", [[0, 999]]],
  ["bytes=007-009", [[7, 9]]],
  ["bytes=1000-", []],
  ["bytes=99999999999999999999999-", []],
  ["bytes=-0", []],
  ["bytes=1000-,-0", []],
  ["bytes=1000-,5-6", [[5, 6]]],
  // Several, in their order.
  [
    "bytes=0-9,200-209",
    [
      [0, 9],
      [200, 209],
    ],
  ],
  [
    "bytes=-10, 0-9 ,\t500-509",
    [
      [990, 999],
      [0, 9],
      [500, 509],
    ],
  ],
  // Joined: overlapping, adjacent, near.
  ["bytes=0-99,50-149", [[0, 149]]],
  ["bytes=100-199,0-99", [[0, 199]]],
  ["bytes=0-9,89-99", [[0, 99]]],
  [
    "bytes=0-9,90-99",
    [
      [0, 9],
      [90, 99],
    ],
  ],
  ["bytes=0-,0-,0-,0-", [[0, 999]]],
  [
    "bytes=500-509,0-9,505-600",
    [
      [500, 600],
      [0, 9],
    ],
  ],
  // Ignored.
  ["bytes=", undefined],
  ["bytes", undefined],
  ["bytes=-", undefined],
  ["bytes=a-b", undefined],
  ["bytes=1-0", undefined],
  ["bytes=0-9,5-4", undefined],
  ["bytes=0-9,", undefined],
  ["bytes=,0-9", undefined],
  ["bytes=0--9", undefined],
  ["bytes=--9", undefined],
  ["bytes=+1-2", undefined],
  ["bytes=0x1-2", undefined],
  ["bytes=1 -2", undefined],
  ["bytes=1-2;q=1", undefined],
  ["bytes 0-9", undefined],
  ["bytes = 0-9", undefined],
  ["items=0-9", undefined],
  ["", undefined],
  ["0-9", undefined],
];

for (const [field, ranges] of cases) {
  void test(`Range "${field}" asks for ${JSON.stringify(ranges) ?? "the whole"}`, () => {
    const found = parseRanges(field, 1_000)?.map(({ first, last }) => [first, last]);
    assert.deepEqual(found, ranges);
  });
}

void test("nothing can be satisfied of no bytes", () => {
  for (const field of ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"]) assert.deepEqual(parseRanges(field, 0), []);
});

void test("more ranges than the limit are ignored", () => {
  const many = (count: number): string =>
    `bytes=${Array.from({ length: count }, (_, index) => `${index * 200}-${index * 200}`).join()}`;
  assert.equal(parseRanges(many(MAX_RANGES), 1e6)?.length, MAX_RANGES);
  assert.equal(parseRanges(many(MAX_RANGES + 1), 1e6), undefined);
  assert.equal(parseRanges(`bytes=${"0".repeat(2_000)}-1`, 1e6), undefined);
});

void test("no set of ranges costs more than the whole and its heads", () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 2_000; round++) {
    const specs = Array.from({ length: 1 + random(MAX_RANGES) }, () => {
      const first = random(1_200);
      return random(5) === 0 ? `-${random(1_200)}` : `${first}-${random(3) === 0 ? "" : first + random(300)}`;
    });
    const ranges = parseRanges(`bytes=${specs.join()}`, 1_000) ?? assert.fail();
    const seen = new Set<number>();
    for (const { first, last } of ranges) {
      for (let at = first; at <= last; at++) {
        assert.ok(!seen.has(at) && at >= 0 && at < 1_000, `byte ${at} in ${specs.join()}`);
        seen.add(at);
      }
    }
  }
});

void test("the frame of several ranges is as long as it says", () => {
  const ranges = [
    { first: 0, last: 9 },
    { first: 200, last: 299 },
  ];
  const frame = frameRanges(ranges, 1_000, "text/plain", "b0undary");
  assert.equal(frame.contentType, "multipart/byteranges; boundary=b0undary");
  assert.equal(
    frame.heads[1],
    "\r\n--b0undary\r\nContent-Type: text/plain\r\nContent-Range: bytes 200-299/1000\r\n\r\n",
  );
  assert.equal(frame.contentLength, frame.heads.join("").length + frame.end.length + 110);
});
