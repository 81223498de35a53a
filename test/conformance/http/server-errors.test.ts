/** What becomes of failures: one answer that tells nothing, one report that tells all, and a connection that goes on. */
import assert from "node:assert/strict";
import { Cancelled, scope, sleep, spawn, suspend, until, withDeadline } from "../../../packages/lunet/src/co/mod.ts";
import {
  empty,
  HttpError,
  json,
  text,
  type Handler,
  type Reply,
  type ServerOptions,
} from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Signal, talk, waitUntil } from "./server-harness.ts";

/** Asks for `/`, gets `status`, and then gets 200 for `/fine` on the same connection. */
async function answersAndGoesOn(
  handler: Handler,
  status: number,
  options: ServerOptions = {},
): Promise<{ failures: unknown[]; content: string }> {
  return talk(
    "memory",
    (request) => (request.path === "/fine" ? text("fine") : handler(request)),
    async ({ client, log }) => {
      await client.request("/secret?token=abc");
      const reply = await client.reply();
      assert.equal(reply.status, status);
      assert.equal(reply.field("connection"), undefined);
      await client.request("/fine");
      assert.equal((await client.reply()).text(), "fine");
      assert.deepEqual(
        log.replies.map((event) => event.status),
        [status, 200],
      );
      return { failures: log.takeFailures(), content: reply.text() };
    },
    options,
  );
}

const secret = new Error("the password is 1234");

const throwers: Readonly<Record<string, Handler>> = {
  "throws at once": () => {
    throw secret;
  },
  "throws after a wait": async () => {
    await sleep(1);
    throw secret;
  },
  "rejects at once": () => Promise.reject(secret),
  "fails in an inner scope": () => scope(() => Promise.reject(secret)),
  "fails in a coroutine it has spawned and does not wait for": () => {
    spawn(async () => {
      await sleep(1);
      throw secret;
    });
    return text("looks fine");
  },
  "fails in a coroutine it waits for": async () => {
    const child = spawn(async () => {
      await sleep(1);
      throw secret;
    });
    await child.join();
    return text("not reached");
  },
  "fails in a coroutine while it waits for something else": async () => {
    spawn(async () => {
      await sleep(1);
      throw secret;
    });
    await sleep(60_000);
    return text("not reached");
  },
  "does not look at the failure of a coroutine it has spawned": async () => {
    const child = spawn(() => Promise.reject(secret));
    await child.join().catch(() => {});
    return text("looks fine");
  },
  "throws at once and leaves a coroutine": () => {
    spawn(() => sleep(60_000));
    throw secret;
  },
  "throws later and leaves a coroutine": async () => {
    spawn(() => sleep(60_000));
    await sleep(1);
    throw secret;
  },
  "gives a thenable that fails": () =>
    // oxlint-disable-next-line unicorn/no-thenable -- a handler may return one, as some libraries make them
    ({ then: (_: unknown, fail: (error: unknown) => void) => fail(secret) }) as unknown as Promise<Reply>,
};

for (const [what, handler] of Object.entries(throwers)) {
  coroutineTest(`a handler that ${what} is one 500 that tells nothing and one report that tells all`, async () => {
    const { failures, content } = await answersAndGoesOn(handler, 500);
    assert.equal(content, "500 Internal Server Error\n");
    assert.deepEqual(failures, [secret]);
  });
}

for (const value of ["a string", undefined, null, 42, { code: "E" }]) {
  coroutineTest(`a handler that throws ${JSON.stringify(value)} is a 500 and reported as it is`, async () => {
    const { failures } = await answersAndGoesOn(() => {
      // oxlint-disable-next-line typescript/only-throw-error -- what is no error can be thrown too
      throw value;
    }, 500);
    assert.deepEqual(failures, [value]);
  });
}

coroutineTest("an HttpError is answered with its status and is no failure", async () => {
  for (const handler of [
    () => {
      throw new HttpError("ERR_HTTP_NOT_FOUND", "Cannot find: secret");
    },
    () => Promise.reject(new HttpError("ERR_HTTP_NOT_FOUND", "Cannot find: secret")),
  ] satisfies Handler[]) {
    const { failures, content } = await answersAndGoesOn(handler, 404);
    assert.equal(content, "404 Not Found\n");
    assert.deepEqual(failures, []);
  }
});

coroutineTest("a Cancelled that is not the connection's own is a failure like any other", async () => {
  const foreign: Handler[] = [
    async () => {
      throw new Cancelled("made by hand", {});
    },
    () => {
      throw new Cancelled("made by hand", {});
    },
    async () => {
      const child = spawn(() => sleep(60_000));
      child.cancel();
      await child.join();
      return text("not reached");
    },
    async () => {
      await withDeadline(1, () => sleep(60_000));
      return text("not reached");
    },
  ];
  for (const handler of foreign) assert.equal((await answersAndGoesOn(handler, 500)).failures.length, 1);
});

coroutineTest("a coroutine that a handler spawned is waited for before the reply is sent", async () => {
  const order: string[] = [];
  const spawning: Handler[] = [
    () => {
      spawn(async () => {
        await sleep(5);
        order.push("spawned");
      });
      return text("plain");
    },
    async () => {
      spawn(async () => {
        await sleep(5);
        order.push("spawned");
      });
      await sleep(1);
      return json("later");
    },
    () => {
      spawn(async () => {
        await sleep(5);
        order.push("spawned");
      });
      return { status: 200, content: once("stream") };
    },
  ];
  for (const handler of spawning) {
    order.length = 0;
    await talk("memory", handler, async ({ client }) => {
      await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
      await client.reply();
      order.push("reply");
      await client.reply();
      order.push("reply");
    });
    assert.equal(order[0], "spawned");
    assert.deepEqual([...order].sort(), ["reply", "reply", "spawned", "spawned"]);
  }
});

async function* once(content: string): AsyncGenerator<string> {
  yield content;
}

/** Replies that cannot be sent: what they would put on the wire, or what they are. */
const unsendable: Readonly<Record<string, unknown>> = {
  "a field value with a line end": { status: 200, fields: { "X-A": "b\r\nSet-Cookie: stolen=1" } },
  "a field value with a bare LF": { status: 200, fields: { "X-A": "b\nX-B: c" } },
  "a field name with a line end": { status: 200, fields: { "X-A: b\r\nX-C": "d" } },
  "a field value with NUL": { status: 200, fields: { "X-A": "b\u0000" } },
  "a field value beyond latin1": { status: 200, fields: { "X-A": "日" } },
  "one bad value among several": { status: 200, fields: { "X-A": ["fine", "b\r\n\r\n<script>"] } },
  "a field value that is no text": { status: 200, fields: { "X-A": 5 } },
  "a field of the server's own": { status: 200, fields: { "Content-Length": "0" } },
  "a Connection field": { status: 200, fields: { connection: "keep-alive" } },
  "a Transfer-Encoding field": { status: 200, fields: { "transfer-encoding": "chunked" } },
  "status 99": { status: 99 },
  "status 101": { status: 101 },
  "status 600": { status: 600 },
  "status 200.5": { status: 200.5 },
  "a status that is text": { status: "200 OK\r\nX-A: b" },
  "no status": { content: "x" },
  "content that is a number": { status: 200, content: 5 },
  "content that is null": { status: 200, content: null },
  "content that is an object": { status: 200, content: { a: 1 } },
  "content that is a list": { status: 200, content: ["a", "b"] },
  nothing: undefined,
  null: null,
  text: "hello",
  "a number": 200,
};

for (const [what, value] of Object.entries(unsendable)) {
  coroutineTest(`a reply with ${what} is a 500 and a report, given at once, later, or as a stream`, async () => {
    const asGiven = await answersAndGoesOn(() => value as Reply, 500);
    assert.equal(asGiven.failures.length, 1);
    assert.equal(asGiven.content, "500 Internal Server Error\n");
    const later = await answersAndGoesOn(async () => {
      await sleep(0);
      return value as Reply;
    }, 500);
    assert.equal(later.failures.length, 1);
    if (typeof value !== "object" || value === null || "content" in value) return;
    const streamed = await answersAndGoesOn(() => ({ ...(value as Reply), content: once("x") }), 500);
    assert.equal(streamed.failures.length, 1);
  });
}

coroutineTest("errorReply gives answers another shape, by the error and its request", async () => {
  const seen: unknown[] = [];
  const options: ServerOptions = {
    errorReply: (error, request) => {
      seen.push([error.code, error.cause === secret, request?.path]);
      return json({ error: error.code }, { status: error.status, fields: { "X-Error": "1" } });
    },
  };
  const { content, failures } = await answersAndGoesOn(throwers["throws at once"] as Handler, 500, options);
  assert.equal(content, '{"error":"ERR_HTTP_HANDLER_FAILED"}');
  assert.deepEqual(failures, [secret]);
  assert.deepEqual(seen, [["ERR_HTTP_HANDLER_FAILED", true, "/secret"]]);
});

/** `errorReply`s that do not help. */
const unhelpful: Readonly<Record<string, (error: HttpError) => Reply>> = {
  throws: () => {
    throw new Error("no answer");
  },
  "has a bad field": (error) => ({ status: error.status, fields: { "X-A": "\r\n" } }),
  "has a bad status": () => empty(1),
  "is a stream": (error) => ({ status: error.status, content: once("x") }),
  "is nothing": () => undefined as unknown as Reply,
  "is a promise": () => Promise.resolve(empty()) as unknown as Reply,
};

for (const [what, errorReply] of Object.entries(unhelpful)) {
  coroutineTest(`an errorReply that ${what} does not keep the client from an answer`, async () => {
    // A stream is a fine answer to a handler's failure; to a malformed message it is not.
    if (what !== "is a stream") {
      const { content, failures } = await answersAndGoesOn(throwers["throws at once"] as Handler, 500, { errorReply });
      assert.equal(content, "500 Internal Server Error\n");
      assert.ok(failures.length >= 2, `${failures.length} failures`);
      assert.equal(failures[0], secret);
    }
    await talk(
      "tcp",
      () => text("fine"),
      async ({ client, log }) => {
        await client.send("nonsense\r\n\r\n");
        const reply = await client.reply();
        assert.equal(reply.status, 400);
        assert.equal(reply.text(), "400 Bad Request\n");
        await client.end();
        assert.equal(log.takeFailures().length, 1);
      },
      { errorReply },
    );
  });
}

coroutineTest("an onFailure that throws loses neither failure: both are written to standard error", async (context) => {
  const written: string[] = [];
  context.mock.method(process.stderr, "write", (chunk: string) => {
    written.push(chunk);
    return true;
  });
  const onFailure = (): void => {
    throw new Error("the log is full");
  };
  await answersAndGoesOn(throwers["throws after a wait"] as Handler, 500, { onFailure });
  context.mock.restoreAll();
  const all = written.join("");
  assert.match(all, /the password is 1234/);
  assert.match(all, /the log is full/);
  assert.match(all, /GET \/secret/);
});

coroutineTest("without an onFailure a failure is written to standard error, whole", async (context) => {
  const written: string[] = [];
  context.mock.method(process.stderr, "write", (chunk: string) => {
    written.push(chunk);
    return true;
  });
  const { serveConnection } = await until(import("../../../packages/lunet/src/http/mod.ts"));
  const { memoryPair, ReplyReader } = await until(import("../../../packages/lunet/src/testing/mod.ts"));
  await scope(async () => {
    const [near, far] = memoryPair();
    spawn(() => serveConnection(throwers["throws at once"] as Handler, far));
    await near.write("GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await new ReplyReader(near).read()).status, 500);
    near.destroy();
  });
  context.mock.restoreAll();
  assert.match(written.join(""), /GET \/where \([\w.-]+\) failed[^]*the password is 1234[^]*server-errors\.test\.ts/);
});

coroutineTest("an onReply that throws is reported, and the connection goes on", async () => {
  await talk(
    "tcp",
    (request) => (request.path === "/async" ? sleep(0).then(() => text("async")) : text("sync")),
    async ({ client, log }) => {
      for (const path of ["/", "/async", "/"]) {
        await client.request(path);
        assert.equal((await client.reply()).status, 200);
      }
      assert.deepEqual(log.takeMessages(), ["log full", "log full", "log full"]);
    },
    {
      onReply: () => {
        throw new Error("log full");
      },
    },
  );
});

coroutineTest("a thenable is waited for once", async () => {
  let calls = 0;
  const handler: Handler = () =>
    ({
      // oxlint-disable-next-line unicorn/no-thenable -- as above
      then(done: (reply: Reply) => void) {
        calls++;
        done(text("thenable"));
      },
    }) as unknown as Promise<Reply>;
  await talk("memory", handler, async ({ client }) => {
    await client.request("/");
    assert.equal((await client.reply()).text(), "thenable");
    assert.equal(calls, 1);
  });
});

for (const over of ["memory", "tcp"] as const) {
  coroutineTest(`${over}: a client that resets cancels its handler, whose cleanup runs`, () => {
    const started = new Signal();
    const ends: string[] = [];
    const handler: Handler = async () => {
      spawn(async () => {
        try {
          await sleep(60_000);
        } finally {
          ends.push("spawned");
        }
      });
      try {
        started.set();
        await sleep(60_000);
      } catch (error) {
        assert.ok(error instanceof Cancelled);
        ends.push(String(error.reason));
        throw error;
      } finally {
        ends.push("handler");
      }
      return text("too late");
    };
    return talk(over, handler, async ({ client, log }) => {
      await client.request("/");
      await started.wait();
      client.connection.destroy({ reset: true });
      await waitUntil(() => log.replies.length === 1);
      assert.deepEqual(ends.sort(), ["handler", "spawned", "the client went away"]);
      assert.deepEqual(log.lines, ["499 0 cut"]);
    });
  });
}

coroutineTest("a client that goes away cancels a plain handler's coroutine too", () => {
  const started = new Signal();
  let cleaned = false;
  const handler: Handler = () => {
    spawn(async () => {
      try {
        started.set();
        await sleep(60_000);
      } finally {
        cleaned = true;
      }
    });
    return text("held");
  };
  return talk("tcp", handler, async ({ client, log }) => {
    await client.request("/");
    await started.wait();
    client.connection.destroy({ reset: true });
    await waitUntil(() => log.replies.length === 1);
    assert.ok(cleaned);
    assert.deepEqual(log.lines, ["499 0 cut"]);
  });
});

coroutineTest("a client that asked, half-closed and reset before it was accepted ends nothing", () =>
  talk(
    "tcp",
    async () => {
      await sleep(0);
      return { status: 200, content: Buffer.alloc(1_000_000) };
    },
    async ({ client, log, connect }) => {
      for (let round = 0; round < 20; round++) {
        const rude = await connect();
        await rude.request("/");
        await rude.connection.shutdown();
        rude.connection.destroy({ reset: true });
      }
      await client.request("/");
      assert.equal((await client.reply()).status, 200);
      await waitUntil(() => log.replies.length > 0);
    },
  ),
);

coroutineTest("a handler that fails while it is cancelled is reported, and nobody is answered twice", () => {
  const started = new Signal();
  const handler: Handler = async () => {
    try {
      started.set();
      await suspend<never>("for ever", () => () => {});
    } catch {
      throw new Error("cleanup failed");
    }
    return text("not reached");
  };
  return talk("tcp", handler, async ({ client, log }) => {
    await client.request("/");
    await started.wait();
    client.connection.destroy({ reset: true });
    await waitUntil(() => log.replies.length === 1);
    assert.deepEqual(log.takeMessages(), ["cleanup failed"]);
  });
});
