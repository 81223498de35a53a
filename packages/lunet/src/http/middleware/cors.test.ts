/** The CORS protocol of the Fetch Standard, as a browser sees it. */
import assert from "node:assert/strict";
import { coroutineTest, requestInProcess, type ClientReply } from "../../testing/mod.ts";
import { cors, empty, Router, text, type CorsOptions, type Handler } from "../mod.ts";

const ORIGIN = "https://www.example.com";

const router = new Router();
router.get("/", () => text("hello"));
router.get("/fails", () => Promise.reject(new Error("provoked")));
const echo: Handler = async (request) => text(await request.text());
router.post("/", echo);
router.route("OPTIONS", "/options", () => text("the route's own"));

async function ask(
  options: CorsOptions,
  fields: Readonly<Record<string, string>> = { Origin: ORIGIN },
  request: { readonly method?: string; readonly path?: string; readonly content?: AsyncIterable<string> } = {},
): Promise<ClientReply> {
  const limits = { maxContentBytes: 10 };
  return requestInProcess(cors(options)(router.handler), { ...request, fields }, { limits, onFailure: () => {} });
}

function preflight(options: CorsOptions, origin = ORIGIN, path = "/"): Promise<ClientReply> {
  return ask(options, { Origin: origin, "Access-Control-Request-Method": "PUT" }, { method: "OPTIONS", path });
}

function corsFields(reply: ClientReply): Record<string, string> {
  const names = [...reply.fields.keys()].filter((name) => name === "vary" || name.startsWith("access-control-"));
  return Object.fromEntries(names.map((name) => [name, reply.field(name) ?? ""]));
}

coroutineTest("an origin of the list may read, with its own name in the reply", async () => {
  const reply = await ask({ origins: ["https://other.example", ORIGIN] });
  assert.equal(reply.status, 200);
  assert.deepEqual(corsFields(reply), { vary: "Origin", "access-control-allow-origin": ORIGIN });
});

coroutineTest("another origin may not, and is served all the same", async () => {
  for (const origin of [
    "https://evil.example",
    "null",
    `${ORIGIN}.evil.example`,
    "http://www.example.com",
    `${ORIGIN}:8443`,
    ORIGIN.toUpperCase(),
  ]) {
    const reply = await ask({ origins: [ORIGIN] }, { Origin: origin });
    assert.equal(reply.status, 200, origin);
    assert.deepEqual(corsFields(reply), { vary: "Origin" }, origin);
  }
});

coroutineTest("without Origin a reply varies by it, so that no cache gives it to a page", async () => {
  assert.deepEqual(corsFields(await ask({ origins: [ORIGIN] }, {})), { vary: "Origin" });
});

coroutineTest('"*" is the same for everybody, and varies by nothing', async () => {
  for (const fields of [{}, { Origin: ORIGIN }, { Origin: "null" }]) {
    assert.deepEqual(corsFields(await ask({ origins: "*" }, fields)), { "access-control-allow-origin": "*" });
  }
});

coroutineTest("a function may tell, with the request in its hands", async () => {
  const options: CorsOptions = { origins: (origin, request) => origin.endsWith(".example") && request.path === "/" };
  assert.equal(
    (await ask(options, { Origin: "https://a.example" })).field("access-control-allow-origin"),
    "https://a.example",
  );
  assert.equal((await ask(options, { Origin: "https://a.test" })).field("access-control-allow-origin"), undefined);
});

coroutineTest("credentials and what pages may read are told where they are allowed", async () => {
  const options: CorsOptions = { origins: [ORIGIN], credentials: true, exposedFields: ["X-Total", "ETag"] };
  assert.deepEqual(corsFields(await ask(options)), {
    vary: "Origin",
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Total, ETag",
  });
  assert.deepEqual(corsFields(await ask(options, { Origin: "https://evil.example" })), { vary: "Origin" });
});

coroutineTest("a preflight is answered before any route, whatever the path", async () => {
  for (const path of ["/", "/absent", "/options", "/fails"]) {
    const reply = await preflight(
      { origins: [ORIGIN], methods: ["PUT"], allowedFields: ["X-A"], maxAgeSeconds: 60 },
      ORIGIN,
      path,
    );
    assert.equal(reply.status, 204, path);
    assert.deepEqual(corsFields(reply), {
      vary: "Origin",
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "X-A",
      "access-control-max-age": "60",
    });
  }
});

coroutineTest("the defaults of a preflight are the usual methods and fields", async () => {
  assert.deepEqual(corsFields(await preflight({ origins: "*" })), {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": "Authorization, Content-Type",
    "access-control-max-age": "7200",
  });
});

coroutineTest("a preflight of another origin is told nothing", async () => {
  const reply = await preflight({ origins: [ORIGIN] }, "https://evil.example");
  assert.equal(reply.status, 204);
  assert.deepEqual(corsFields(reply), { vary: "Origin" });
});

coroutineTest("OPTIONS that is no preflight goes to its route", async () => {
  const options: CorsOptions = { origins: [ORIGIN] };
  assert.equal(
    (await ask(options, { Origin: ORIGIN }, { method: "OPTIONS", path: "/options" })).text(),
    "the route's own",
  );
  assert.equal((await ask(options, { Origin: ORIGIN, "Access-Control-Request-Method": "PUT" })).text(), "hello", "GET");
  const method = { "Access-Control-Request-Method": "PUT" };
  assert.equal((await ask(options, method, { method: "OPTIONS", path: "/options" })).text(), "the route's own");
});

coroutineTest("pages can read errors too: 404, 405, 413 and 500", async () => {
  async function* long(): AsyncGenerator<string> {
    yield "more than ten bytes";
  }
  const statuses: number[] = [];
  for (const request of [
    { path: "/absent" },
    { method: "DELETE" },
    { method: "POST", content: long() },
    { path: "/fails" },
  ]) {
    const reply = await ask({ origins: [ORIGIN] }, { Origin: ORIGIN }, request);
    statuses.push(reply.status);
    assert.equal(reply.field("access-control-allow-origin"), ORIGIN);
  }
  assert.deepEqual(statuses, [404, 405, 413, 500]);
});

coroutineTest("a reply's own Vary stays beside it", async () => {
  const handler = cors({ origins: [ORIGIN] })(() => empty(204, { Vary: "Accept" }));
  assert.deepEqual((await requestInProcess(handler)).field("vary"), "Accept, Origin");
});

coroutineTest("what can never work is refused at the start", () => {
  for (const origin of [
    "https://www.example.com/",
    "www.example.com",
    "*",
    "",
    "HTTPS://www.example.com",
    "https://www.example.com:443",
    "https://a@b.example",
    "https://*.example.com",
  ]) {
    assert.throws(() => cors({ origins: [origin] }), TypeError, origin);
  }
  for (const origin of ["http://localhost:3000", "https://[2001:db8::1]:8443", "capacitor://localhost", "null"]) {
    assert.doesNotThrow(() => cors({ origins: [origin] }), origin);
  }
  for (const options of [
    { origins: "*" },
    { origins: ["null"] },
    { origins: [ORIGIN], allowedFields: ["*"] },
    { origins: [ORIGIN], methods: ["*"] },
  ] as const) {
    assert.throws(() => cors({ ...options, credentials: true }), TypeError);
  }
  assert.throws(() => cors({ origins: "*", allowedFields: ["a b"] }), TypeError);
  for (const maxAgeSeconds of [-1, 1.5, 86_401, NaN])
    assert.throws(() => cors({ origins: "*", maxAgeSeconds }), RangeError);
  for (const maxAgeSeconds of [0, 86_400]) assert.doesNotThrow(() => cors({ origins: "*", maxAgeSeconds }));
});
