import assert from "node:assert/strict";
import { scope, sleep, spawn } from "../co/mod.ts";
import { coroutineTest, requestInProcess } from "../testing/mod.ts";
import type { Handler, Middleware } from "./handler.ts";
import { after, before, compose, onError } from "./hooks.ts";
import { HttpError } from "./http-error.ts";
import { empty, text, withFields, type Reply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import { Router } from "./router.ts";

/** A hook that writes down when it is passed. */
function witness(name: string, log: string[]): Middleware {
  return compose(
    before(() => void log.push(`before ${name}`)),
    after((reply) => {
      log.push(`after ${name}`);
      return reply;
    }),
  );
}

/** A hook whose every step waits. */
function slowWitness(name: string, log: string[]): Middleware {
  return compose(
    before(async () => {
      await sleep(0);
      log.push(`before ${name}`);
    }),
    after(async (reply) => {
      await sleep(0);
      log.push(`after ${name}`);
      return reply;
    }),
  );
}

coroutineTest("the first hook is outermost, whether hooks wait or not", async () => {
  for (const hook of [witness, slowWitness]) {
    const log: string[] = [];
    const handler = compose(
      hook("a", log),
      hook("b", log),
    )(() => {
      log.push("handler");
      return text("ok");
    });
    assert.equal((await requestInProcess(handler)).text(), "ok");
    assert.deepEqual(log, ["before a", "before b", "handler", "after b", "after a"]);
  }
});

coroutineTest("hooks around a handler that returns plainly return plainly", () => {
  const hooks = compose(
    before(() => undefined),
    after((reply) => withFields(reply, { A: "1" })),
    onError(() => empty(500)),
  );
  const request = { method: "GET" } as HttpRequest;
  const reply = hooks(() => text("ok"))(request) as Reply;
  assert.equal(reply.status, 200);
  const answered = hooks(() => {
    throw new Error("planned");
  })(request) as Reply;
  assert.equal(answered.status, 500);
});

coroutineTest("what `before` returns is the reply: the handler is not called, and outer hooks change it", async () => {
  for (const answer of [() => empty(401), async () => empty(401), () => new Response(null, { status: 401 })]) {
    const handler = compose(
      after((reply) => withFields(reply, { "X-Outer": "yes" })),
      before(answer),
      after(() => assert.fail("an inner hook ran")),
    )(() => assert.fail("the handler ran"));
    const reply = await requestInProcess(handler);
    assert.deepEqual([reply.status, reply.field("x-outer")], [401, "yes"]);
  }
});

coroutineTest("the innermost `onError` that answers ends an error; undefined lets it go on", async () => {
  const seen: string[] = [];
  const tell =
    (name: string, reply?: Reply) =>
    (error: unknown): Reply | undefined => {
      seen.push(`${name}: ${(error as Error).message}`);
      return reply;
    };
  const hooks = compose(
    onError(tell("outer")),
    after((reply) => withFields(reply, { "X-After": "yes" })),
    onError(tell("middle", empty(418))),
    after(() => assert.fail("after an error")),
    onError(async (error) => tell("inner")(error)),
  );
  const handlers: Handler[] = [
    () => {
      throw new Error("planned");
    },
    async () => {
      await sleep(0);
      throw new Error("planned");
    },
  ];
  for (const handler of handlers) {
    seen.length = 0;
    const reply = await requestInProcess(hooks(handler), {}, { onFailure: () => assert.fail("reported") });
    assert.deepEqual([reply.status, reply.field("x-after")], [418, "yes"]);
    assert.deepEqual(seen, ["inner: planned", "middle: planned"]);
  }
});

coroutineTest("an error that nobody answers is the server's: its status, or 500 and a report", async () => {
  const hooks = onError(() => undefined);
  const failures: unknown[] = [];
  const refuse = hooks(() => {
    throw new HttpError("ERR_HTTP_NOT_FOUND", "planned");
  });
  const fail = hooks(async () => {
    throw new Error("planned");
  });
  const options = { onFailure: (error: unknown) => void failures.push((error as Error).message) };
  assert.equal((await requestInProcess(refuse, {}, options)).status, 404);
  assert.deepEqual(failures, []);
  assert.equal((await requestInProcess(fail, {}, options)).status, 500);
  assert.equal(failures.length, 1);
});

coroutineTest("a cancel passes `onError`, and `finally` of hooks runs", async () => {
  const log: string[] = [];
  const around: Middleware = (next) => async (request) => {
    try {
      return await next(request);
    } finally {
      log.push("finally");
    }
  };
  const handler = compose(
    around,
    onError(() => {
      log.push("onError");
      return empty(500);
    }),
  )(async () => {
    await sleep(60_000);
    return text("late");
  });
  await scope(async () => {
    const asking = spawn(async () => {
      await handler({ method: "GET" } as HttpRequest);
    });
    await sleep(0);
    asking.cancel({ reason: "planned" });
  });
  assert.deepEqual(log, ["finally"]);
});

coroutineTest(
  "a group has its prefix and its hooks, around those of the route and inside those of the server",
  async () => {
    const log: string[] = [];
    const router = new Router();
    router.get("/", () => text("root"));
    const api = router.group("/api", witness("api", log));
    api.get(
      "/things/:id",
      witness("route", log)((request) => text(request.params["id"] ?? "")),
    );
    api.group("/admin", witness("admin", log)).delete("/x", () => empty());
    api.group("", witness("bare", log)).put("/y", () => empty());
    const handler = witness("server", log)(router.handler);
    const ask = async (path: string, method = "GET"): Promise<readonly [number, string[]]> => {
      log.length = 0;
      const { status } = await requestInProcess(handler, { path, method });
      return [status, log.filter((line) => line.startsWith("before")).map((line) => line.slice(7))];
    };
    assert.deepEqual(await ask("/"), [200, ["server"]]);
    assert.deepEqual(await ask("/api/things/7"), [200, ["server", "api", "route"]]);
    assert.deepEqual(await ask("/api/admin/x", "DELETE"), [204, ["server", "api", "admin"]]);
    assert.deepEqual(await ask("/api/y", "PUT"), [204, ["server", "api", "bare"]]);
    assert.deepEqual(await ask("/api/none"), [404, ["server"]]);
    assert.deepEqual(await ask("/api/things/7", "PUT"), [405, ["server"]]);
    for (const prefix of ["api", "/api/"]) assert.throws(() => router.group(prefix), TypeError);
  },
);
