import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHttpDate, parseHttpDate } from "./http-date.ts";

const EXAMPLE_MS = 784_111_777_000;

test("writes IMF-fixdate and cuts milliseconds off", () => {
  assert.equal(formatHttpDate(EXAMPLE_MS), "Sun, 06 Nov 1994 08:49:37 GMT");
  assert.equal(formatHttpDate(EXAMPLE_MS + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
  assert.equal(formatHttpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
});

test("writes four digits of the year, and refuses years that have more or fewer", () => {
  const last = Date.parse("9999-12-31T23:59:59.999Z");
  assert.equal(formatHttpDate(last), "Fri, 31 Dec 9999 23:59:59 GMT");
  assert.equal(formatHttpDate(Date.parse("0000-01-01T00:00:00Z")), "Sat, 01 Jan 0000 00:00:00 GMT");
  for (const ms of [last + 1, Date.parse("0000-01-01T00:00:00Z") - 1, NaN, Infinity]) {
    assert.throws(() => formatHttpDate(ms), { name: "RangeError", code: "ERR_HTTP_INVALID_DATE" });
  }
});

test("reads all three forms", () => {
  assert.equal(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), EXAMPLE_MS);
  assert.equal(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), EXAMPLE_MS);
  assert.equal(parseHttpDate("Sun Nov  6 08:49:37 1994"), EXAMPLE_MS);
  assert.equal(parseHttpDate("Thu Nov 16 08:49:37 2023"), Date.UTC(2023, 10, 16, 8, 49, 37));
});

test("reads back what it writes", () => {
  for (let ms = -62_000_000_000_000; ms < 253_000_000_000_000; ms += 7_654_321_012_000) {
    assert.equal(parseHttpDate(formatHttpDate(ms)), ms);
  }
});

test("puts a two-digit year at most 50 years ahead of now", () => {
  const now = Date.UTC(2026, 5, 1);
  assert.equal(parseHttpDate("Sunday, 06-Nov-76 08:49:37 GMT", now), Date.UTC(2076, 10, 6, 8, 49, 37));
  assert.equal(parseHttpDate("Sunday, 06-Nov-77 08:49:37 GMT", now), Date.UTC(1977, 10, 6, 8, 49, 37));
  assert.equal(parseHttpDate("Sunday, 06-Nov-00 08:49:37 GMT", Date.UTC(2099, 0)), Date.UTC(2100, 10, 6, 8, 49, 37));
  assert.equal(parseHttpDate("Sunday, 06-Nov-49 08:49:37 GMT", Date.UTC(2099, 0)), Date.UTC(2149, 10, 6, 8, 49, 37));
  assert.equal(parseHttpDate("Sunday, 06-Nov-50 08:49:37 GMT", Date.UTC(2099, 0)), Date.UTC(2050, 10, 6, 8, 49, 37));
  assert.equal(parseHttpDate("Sunday, 06-Nov-69 08:49:37 GMT"), Date.UTC(2069, 10, 6, 8, 49, 37));
  assert.equal(parseHttpDate("Sunday, 06-Nov-70 08:49:37 GMT"), Date.UTC(1970, 10, 6, 8, 49, 37));
});

test("takes a leap second for the second after it", () => {
  assert.equal(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT"), Date.UTC(2017, 0, 1));
});

test("refuses days that do not exist and anything else", () => {
  for (const text of [
    "",
    "Sun, 31 Feb 2021 00:00:00 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "sun, 06 nov 1994 08:49:37 gmt",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun Nov 6 08:49:37 1994",
    "1994-11-06T08:49:37Z",
    "0",
  ]) {
    assert.equal(parseHttpDate(text), undefined, text);
  }
});
