/** The limit as a client sees it. */
import assert from "node:assert/strict";
import { ClosedError, sleep, spawn, suspend } from "../../co/mod.ts";
import { clockTest, coroutineTest, requestInProcess, type ClientReply, type TestClock } from "../../testing/mod.ts";
import {
  json,
  rateLimit,
  RateLimiter,
  text,
  type Handler,
  type HttpError,
  type RateLimitOptions,
  type RateLimitPlace,
  type ServerOptions,
} from "../mod.ts";

const POLICY = { limit: 3, windowMs: 30_000 };
const hello: Handler = () => text("hello");
/** Requests of which the in-process peer is a proxy, so that they have addresses. */
const PROXIED: ServerOptions = { trustedProxies: ["memory"] };

function told(reply: ClientReply): Array<number | string | undefined> {
  return [reply.status, reply.field("ratelimit"), reply.field("retry-after")];
}

/** Sends a request while the test has the clock. */
async function send(
  clock: TestClock,
  handler: Handler,
  from = "192.0.2.1",
  options: ServerOptions = PROXIED,
): Promise<ClientReply> {
  const asked = spawn(() => requestInProcess(handler, { fields: { "X-Forwarded-For": from } }, options));
  await clock.settle();
  return asked.join();
}

clockTest("a user has so many requests, then 429 until one is given back", async (clock) => {
  const handler = rateLimit(POLICY)(hello);
  const first = await send(clock, handler);
  assert.deepEqual(told(first), [200, '"default";r=2;t=10', undefined]);
  assert.equal(first.field("ratelimit-policy"), '"default";q=3;w=30');
  assert.deepEqual(told(await send(clock, handler)), [200, '"default";r=1;t=20', undefined]);
  assert.deepEqual(told(await send(clock, handler)), [200, '"default";r=0;t=30', undefined]);
  await clock.advance(100);
  const refused = await send(clock, handler);
  assert.deepEqual(told(refused), [429, '"default";r=0;t=30', "10"]);
  assert.equal(refused.field("ratelimit-policy"), '"default";q=3;w=30');
  assert.equal(refused.text(), "429 Too Many Requests\n");
  await clock.advance(9_900);
  assert.deepEqual(told(await send(clock, handler)), [200, '"default";r=0;t=30', undefined]);
});

clockTest("the application's shape of errors holds for it, and nothing is reported", async (clock) => {
  const handler = rateLimit({ ...POLICY, limit: 1 })(hello);
  const options: ServerOptions = {
    ...PROXIED,
    errorReply: (error) => json({ code: error.code }, { status: error.status }),
    onFailure: (error) => assert.fail(String(error)),
  };
  await send(clock, handler, "192.0.2.1", options);
  const refused = await send(clock, handler, "192.0.2.1", options);
  assert.deepEqual([refused.status, refused.json()], [429, { code: "ERR_HTTP_RATE_LIMITED" }]);
  assert.equal(refused.field("retry-after"), "30");
});

clockTest("users are told apart by address, those of IPv6 by their network", async (clock) => {
  const handler = rateLimit({ ...POLICY, limit: 1 })(hello);
  const statusOf = async (from: string): Promise<number> => (await send(clock, handler, from)).status;
  for (const [first, same, other] of [
    ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"],
    ["2001:db8:1:2::1", "2001:DB8:1:2:ffff:1:2:3", "2001:db8:1:3::1"],
    ["2001:db8::1", "2001:db8:0:0:5::", "2001:db8:0:1::1"],
    ["::1", "::2:3", "0:0:0:1::1"],
    ["1:2:3::5:6:7:8", "1:2:3:0::9", "1:2:3:4::9"],
  ] as const) {
    assert.deepEqual([await statusOf(first), await statusOf(same), await statusOf(other)], [200, 429, 200], first);
  }
});

clockTest("without a trusted proxy what the client says of its address counts for nothing", async (clock) => {
  const handler = rateLimit({ ...POLICY, limit: 1 })(hello);
  assert.equal((await send(clock, handler, "192.0.2.1", {})).status, 200);
  assert.equal((await send(clock, handler, "192.0.2.2", {})).status, 429);
});

clockTest("the key may be another, and no key is no limit", async (clock) => {
  const key: RateLimitOptions["key"] = (request) =>
    request.field("x-forwarded-for")?.replace(/^free$/, "") || undefined;
  const handler = rateLimit({ ...POLICY, limit: 1, key })(hello);
  const long = "x".repeat(5_000);
  const statuses: number[] = [];
  for (const from of ["a", "a", "b", "free", "free", long, long, `${long}y`]) {
    statuses.push((await send(clock, handler, from)).status);
  }
  assert.deepEqual(statuses, [200, 429, 200, 200, 200, 200, 429, 200]);
});

clockTest("several limits on one request each tell of themselves", async (clock) => {
  const perMinute = rateLimit({ name: "minute", limit: 2, windowMs: 60_000 });
  const perHour = rateLimit({ name: "hour", limit: 100, windowMs: 3_600_000 });
  const reply = await send(clock, perMinute(perHour(hello)));
  assert.equal(reply.field("ratelimit"), '"minute";r=1;t=30, "hour";r=99;t=36');
  assert.equal(reply.field("ratelimit-policy"), '"minute";q=2;w=60, "hour";q=100;w=3600');
});

coroutineTest("a handler counts by what it has read", async () => {
  const attempts = new RateLimiter({ name: "account", limit: 1, windowMs: 60_000 });
  const handler: Handler = async (request) => {
    await attempts.take(request, await request.text());
    return text("in");
  };
  const statuses: number[] = [];
  for (const content of ["anna", "anna", "bert"]) {
    statuses.push((await requestInProcess(handler, { method: "POST", content })).status);
  }
  assert.deepEqual(statuses, [200, 429, 200]);
});

coroutineTest("a place gets keys of 128 characters at most", async () => {
  const keys: string[] = [];
  const answer = { allowed: true, remaining: 1, resetMs: 0, retryAfterMs: 0 };
  const place: RateLimitPlace = () => ({ take: (key) => (keys.push(key), answer) });
  const limiter = new RateLimiter({ ...POLICY, place });
  await requestInProcess(async (request) => {
    for (const length of [128, 129]) await limiter.take(request, "x".repeat(length));
    return text("done");
  });
  assert.deepEqual(
    keys.map((key) => key.length),
    [128, 43],
  );
});

/** A place that fails while `state.error` is set, at once or later. */
function failingPlace(state: { error: Error | undefined }, later: boolean): RateLimitPlace {
  const answer = { allowed: true, remaining: 1, resetMs: 0, retryAfterMs: 0 };
  return () => ({
    take: () => {
      if (state.error === undefined) return answer;
      if (later) return Promise.reject(state.error);
      throw state.error;
    },
  });
}

for (const later of [false, true]) {
  const when = later ? "later" : "at once";
  coroutineTest(`a place that fails ${when} lets requests through, and is reported once until it works`, async () => {
    const state: { error: Error | undefined } = { error: new Error("away") };
    const reported: unknown[] = [];
    const options = {
      ...POLICY,
      place: failingPlace(state, later),
      onFailure: (error: unknown) => reported.push(error),
    };
    const handler = rateLimit(options)(hello);
    for (let request = 0; request < 3; request++) {
      const reply = await requestInProcess(handler);
      assert.deepEqual([reply.status, reply.field("ratelimit")], [200, undefined]);
    }
    assert.deepEqual(reported, [state.error]);
    const again = new Error("away again");
    for (const error of [undefined, again, again]) {
      state.error = error;
      await requestInProcess(handler);
    }
    assert.deepEqual(reported.slice(1), [again]);
  });

  coroutineTest(`or refuses them with 503, when it fails ${when} and this is asked for`, async () => {
    const state = { error: new ClosedError("the database") };
    const options: RateLimitOptions = {
      ...POLICY,
      place: failingPlace(state, later),
      onStoreFailure: "refuse",
      onFailure: () => {},
    };
    const seen: HttpError[] = [];
    const reply = await requestInProcess(
      rateLimit(options)(hello),
      {},
      {
        errorReply: (error) => (seen.push(error), text("no", { status: error.status })),
      },
    );
    assert.equal(reply.status, 503);
    assert.equal(seen[0]?.code, "ERR_HTTP_RATE_LIMIT_UNKNOWN");
    assert.equal(seen[0]?.cause, state.error);
  });
}

coroutineTest("a request that is cancelled while it is counted is no failure of the place", async () => {
  const place: RateLimitPlace = () => ({ take: () => suspend("a count", () => () => {}) });
  const reported: unknown[] = [];
  const limiter = new RateLimiter({ ...POLICY, place, onFailure: (error) => reported.push(error) });
  await requestInProcess(async (request) => {
    const counting = spawn(async () => limiter.take(request, "a"));
    await sleep(0);
    counting.cancel();
    await assert.rejects(counting.join(), { code: "ERR_COROUTINE_CANCELLED" });
    return text("done");
  });
  assert.deepEqual(reported, []);
});

coroutineTest("limits that cannot be are refused at the start", () => {
  for (const limit of [0, 1.5, NaN, 1_000_001])
    assert.throws(() => rateLimit({ limit, windowMs: 86_400_000 }), RangeError);
  for (const windowMs of [0, 0.5, 2_678_400_001]) assert.throws(() => rateLimit({ limit: 1, windowMs }), RangeError);
  assert.throws(() => rateLimit({ limit: 1_001, windowMs: 1 }), RangeError);
  assert.doesNotThrow(() => rateLimit({ limit: 1_000, windowMs: 1 }));
  assert.doesNotThrow(() => rateLimit({ limit: 1_000_000, windowMs: 2_678_400_000 }));
  for (const name of ["", "a b", 'a"', "a".repeat(65)]) assert.throws(() => rateLimit({ ...POLICY, name }), TypeError);
});
