import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { scope, sleep, spawn } from "../../co/mod.ts";
import { coroutineTest, memoryPair, requestInProcess, type ClientReply } from "../../testing/mod.ts";
import type { Handler } from "../handler.ts";
import { json, text } from "../reply.ts";
import { serveConnection, type ServerOptions } from "../server.ts";
import { multipart, type MultipartLimits } from "./multipart.ts";

const TYPE = "multipart/form-data; boundary=b0undary";
const CRLF = "\r\n";

interface ReadPart {
  readonly name: string;
  readonly filename?: string;
  readonly type: string;
  readonly content: string;
}

function reading(limits: Partial<MultipartLimits> = {}): Handler {
  return async (request) => {
    const parts: ReadPart[] = [];
    for await (const part of multipart(request, limits)) {
      const { name, filename, type } = part;
      const content = Buffer.from(await part.bytes()).toString("latin1");
      parts.push({ name, ...(filename === undefined ? {} : { filename }), type, content });
    }
    return json(parts);
  };
}

async function* byBytes(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at++) yield content.subarray(at, at + 1);
}

function post(
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
  handler: Handler = reading(),
  type: string | undefined = TYPE,
  options: ServerOptions = {},
): Promise<ClientReply> {
  const fields = type === "" ? {} : { "Content-Type": type };
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  return requestInProcess(handler, { method: "POST", content: bytes, fields }, options);
}

/** Parts as text: fields and content of each. */
function formOf(...parts: ReadonlyArray<readonly [fields: string, content: string]>): string {
  const delimited = parts.map(([fields, content]) => `--b0undary${CRLF}${fields}${CRLF}${CRLF}${content}${CRLF}`);
  return `${delimited.join("")}--b0undary--${CRLF}`;
}

const field = (name: string): string => `Content-Disposition: form-data; name="${name}"`;
const file = (name: string, filename: string): string => `${field(name)}; filename="${filename}"`;

coroutineTest("what a browser makes of a form is read as it was, in one piece and byte by byte", async () => {
  const data = new FormData();
  const bytes = randomBytes(3_000);
  data.append("title", "Grüße\r\n--b\0undary");
  data.append("empty", "");
  data.append("tag", "a");
  data.append("tag", "b");
  data.append("picture", new File([bytes], "schön.png", { type: "image/png" }));
  data.append("none", new File([], "x"));
  const encoded = new Response(data);
  const type = encoded.headers.get("content-type") ?? "";
  const content = Buffer.from(await encoded.arrayBuffer());
  for (const sent of [content, byBytes(content)]) {
    const parts = (await post(sent, reading(), type)).json() as ReadPart[];
    assert.deepEqual(
      parts.map(({ name }) => name),
      ["title", "empty", "tag", "tag", "picture", "none"],
    );
    assert.equal(Buffer.from(parts[0]?.content ?? "", "latin1").toString(), "Grüße\r\n--b\0undary");
    assert.deepEqual(
      parts.slice(1, 4).map((part) => part.content),
      ["", "a", "b"],
    );
    assert.deepEqual(parts[4], {
      name: "picture",
      filename: "schön.png",
      type: "image/png",
      content: bytes.toString("latin1"),
    });
    assert.equal(parts[5]?.filename, "x");
    assert.equal(parts[5]?.content, "");
    assert.equal(parts[5]?.type, "application/octet-stream");
  }
});

/** Behind the fields, which end a line, a delimiter needs none before it. */
function withoutDelimiter(content: string): string {
  let [before, after] = ["", `\r\n${content}`];
  while (before !== after) [before, after] = [after, after.replaceAll("\r\n--b0undary", "\r\n")];
  return after.slice(2);
}

coroutineTest("content that looks like a delimiter, nearly, is content, however it is cut", async () => {
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const pieces = [
    "\r",
    "\n",
    "\r\n",
    "--",
    "-",
    "\r\n-",
    "\r\n--b0undar",
    "b0undary",
    "--b0undary",
    "\n--b0undary",
    "x",
    "\0",
    "\r\n\r\n",
  ];
  for (let round = 0; round < 60; round++) {
    const contents = Array.from({ length: 1 + random(4) }, () =>
      Array.from({ length: random(8) }, () => pieces[random(pieces.length)]).join(""),
    ).map(withoutDelimiter);
    const sent = Buffer.from(
      formOf(...contents.map((content, index) => [file(`p${index}`, "f"), content] as const)),
      "latin1",
    );
    const cuts = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < sent.length;) {
        const length = 1 + random(20);
        yield sent.subarray(at, at + length);
        at += length;
      }
    };
    const reply = await post(cuts());
    assert.equal(reply.status, 200, JSON.stringify(contents));
    assert.deepEqual(
      (reply.json() as ReadPart[]).map(({ content }) => content),
      contents,
      `round ${round}`,
    );
  }
});

const heads: ReadonlyArray<readonly [fields: string, name: string, filename: string | undefined]> = [
  ['content-disposition:form-data;name="a"', "a", undefined],
  ["Content-Disposition: form-data; name=a; filename=b", "a", "b"],
  ['Content-Disposition: FORM-DATA; NAME="a b"', "a b", undefined],
  ['Content-Disposition: form-data; filename="f"; name="n"', "n", "f"],
  ['Content-Disposition: form-data; name="a\\"b\\\\c"', 'a"b\\c', undefined],
  ['Content-Disposition: form-data; name="a;b=c"', "a;b=c", undefined],
  ['Content-Disposition: form-data; name=""', "", undefined],
  [file("a", "../../etc/passwd"), "a", "passwd"],
  [file("a", "C:\\dir\\x.txt"), "a", "x.txt"],
  [file("a", "/etc/"), "a", ""],
  [file("a", ".."), "a", ""],
  [file("a", ""), "a", ""],
  [`${field("a")}; filename*=UTF-8''evil`, "a", undefined],
  [`${field("a")}${CRLF}Content-Transfer-Encoding: 8bit`, "a", undefined],
];
for (const [fields, name, filename] of heads) {
  coroutineTest(`a part of ${JSON.stringify(fields)} is "${name}"`, async () => {
    const reply = await post(formOf([fields, "x"]));
    assert.equal(reply.status, 200);
    const [part] = reply.json() as [ReadPart];
    assert.deepEqual([part.name, part.filename, part.type, part.content], [name, filename, "text/plain", "x"]);
  });
}

const malformed: ReadonlyArray<readonly [why: string, content: string]> = [
  ["is empty", ""],
  ["has no delimiter", "hello"],
  ["is cut in a part", formOf([field("a"), "x"]).slice(0, -20)],
  ["is cut in the fields", `--b0undary${CRLF}Content-Dispo`],
  ["is cut before the end of the closing delimiter", formOf([field("a"), "x"]).slice(0, -4)],
  ["has a part without fields", formOf(["", "x"])],
  ["has a part without Content-Disposition", formOf(["Content-Type: text/plain", "x"])],
  ["has two Content-Dispositions", formOf([`${field("a")}${CRLF}${field("b")}`, "x"])],
  ["has a part of another kind", formOf(['Content-Disposition: attachment; name="a"', "x"])],
  ["has a kind that only begins so", formOf(['Content-Disposition: form-data-2; name="a"', "x"])],
  ["has a part without a name", formOf(["Content-Disposition: form-data", "x"])],
  ["has two names in a part", formOf([`${field("a")}; name="b"`, "x"])],
  ["has an open quote", formOf(['Content-Disposition: form-data; name="a', "x"])],
  ["has text behind a quote", formOf([`${field("a")}b`, "x"])],
  ["has a name that is not UTF-8", formOf([field("\xff"), "x"])],
  ["has a NUL in a name", formOf([field("a\0"), "x"])],
  ["has a NUL in a filename", formOf([file("a", "x\0.png"), "x"])],
  ["has a coding of mail", formOf([`${field("a")}${CRLF}Content-Transfer-Encoding: base64`, "eA=="])],
  ["has text behind a delimiter", formOf([field("a"), "x"]).replace("--b0undary", "--b0undaryX")],
  ["has a delimiter within the fields", `--b0undary${CRLF}${field("a")}${CRLF}--b0undary--${CRLF}`],
];
for (const [why, content] of malformed) {
  coroutineTest(`a form that ${why} is answered 400`, async () => {
    for (const sent of [content, byBytes(Buffer.from(content, "latin1"))]) assert.equal((await post(sent)).status, 400);
  });
}

coroutineTest("other types are answered 415, a missing or malformed boundary 400", async () => {
  for (const type of ["", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=a"]) {
    assert.equal((await post("x", reading(), type)).status, 415, type);
  }
  const long = "b".repeat(71);
  for (const parameters of [
    "",
    ";",
    "; boundary=",
    '; boundary=""',
    `; boundary=${long}`,
    '; boundary="a\\ "',
    "; boundary=a; boundary=b",
    "; boundary=a b",
  ]) {
    assert.equal((await post("x", reading(), `multipart/form-data${parameters}`)).status, 400, parameters);
  }
  const quoted = await post(
    formOf([field("a"), "x"]),
    reading(),
    'Multipart/Form-Data; charset=utf-8; Boundary="b0undary"',
  );
  assert.equal(quoted.status, 200);
});

coroutineTest("what stands before the first delimiter and behind the last is no part", async () => {
  const reply = await post(`preamble${CRLF}${formOf([field("a"), "x"])}epilogue${CRLF}--b0undary${CRLF}`);
  assert.equal(reply.status, 200);
  assert.equal((reply.json() as ReadPart[]).length, 1);
});

const limits: ReadonlyArray<readonly [limit: keyof MultipartLimits, value: number, inside: string, outside: string]> = [
  [
    "maxParts",
    2,
    formOf([field("a"), ""], [file("b", "f"), ""]),
    formOf([field("a"), ""], [field("b"), ""], [field("c"), ""]),
  ],
  ["maxFiles", 1, formOf([file("a", "f"), ""], [field("b"), ""]), formOf([file("a", "f"), ""], [file("b", "f"), ""])],
  ["maxFieldBytes", 5, formOf([field("a"), "12345"], [file("b", "f"), "123456"]), formOf([field("a"), "123456"])],
  ["maxFileBytes", 5, formOf([file("a", "f"), "12345"], [field("b"), "123456"]), formOf([file("a", "f"), "123456"])],
  ["maxPartHeaderBytes", 100, formOf([field("a".repeat(59)), ""]), formOf([field("a".repeat(60)), ""])],
];
for (const [limit, value, inside, outside] of limits) {
  coroutineTest(`a form within ${limit} is read, one past it is answered 413 by the limit's name`, async () => {
    for (const cut of [(content: string) => content, (content: string) => byBytes(Buffer.from(content, "latin1"))]) {
      assert.equal((await post(cut(inside), reading({ [limit]: value }))).status, 200);
      const reply = await post(cut(outside), reading({ [limit]: value }));
      assert.equal(reply.status, 413);
      const problem = reply.json() as Record<string, unknown>;
      assert.equal(problem["code"], "ERR_HTTP_FORM_TOO_LARGE");
      assert.equal(problem["limit"], limit);
      if (limit.endsWith("FileBytes") || limit === "maxFieldBytes") assert.equal(problem["part"], "a");
    }
  });
}

coroutineTest("fields of a part are limited in number, and in bytes without an end", async () => {
  const many = Array.from({ length: 32 }, (_, index) => `X${index}: y`).join(CRLF);
  assert.equal((await post(formOf([`${field("a")}${CRLF}${many}`, ""]))).status, 413);
  const endless = `--b0undary${CRLF}${field("a")}${CRLF}X: ${"y".repeat(200_000)}`;
  assert.equal((await post(`${endless}${CRLF}${CRLF}x${CRLF}--b0undary--`)).status, 413);
  assert.equal((await post(endless)).status, 400);
});

coroutineTest("the whole is limited by the server", async () => {
  const content = formOf([file("a", "f"), "x".repeat(5_000)]);
  const options = { limits: { maxContentBytes: 1_000 } };
  assert.equal((await post(content, reading(), TYPE, options)).status, 413);
  assert.equal((await post(byBytes(Buffer.from(content)), reading(), TYPE, options)).status, 413);
});

coroutineTest("a part that is left, wholly or in part, is skipped", async () => {
  const content = formOf(
    [file("a", "f"), "x".repeat(300_000)],
    [field("b"), "y"],
    [file("c", "f"), "z".repeat(300_000)],
  );
  for (const isBegun of [false, true]) {
    const handler: Handler = async (request) => {
      const names: string[] = [];
      for await (const part of multipart(request)) {
        names.push(part.name);
        if (isBegun) for await (const piece of part.content()) if (piece.length > 0) break;
      }
      return text(names.join());
    };
    assert.equal((await post(content, handler)).text(), "a,b,c");
  }
  const first: Handler = async (request) => {
    for await (const part of multipart(request)) return text(part.name);
    return text("none");
  };
  assert.equal((await post(content, first)).text(), "a");
});

coroutineTest("a part is read once, and before the next one is asked for", async () => {
  const handler: Handler = async (request) => {
    const parts = multipart(request);
    const { value: first } = await parts.next();
    assert.ok(first !== undefined);
    assert.equal(await first.text(), "x");
    await assert.rejects(first.text(), TypeError);
    const { value: second } = await parts.next();
    const { value: third } = await parts.next();
    await assert.rejects(second?.text() ?? Promise.resolve(), TypeError);
    await parts.return();
    await assert.rejects(third?.text() ?? Promise.resolve(), TypeError);
    return text("ok");
  };
  const reply = await post(formOf([field("a"), "x"], [field("b"), "y"], [field("c"), "z"]), handler);
  assert.equal(reply.text(), "ok");
});

coroutineTest("a part that nobody reads stops the client", async () => {
  let go: () => void = () => {};
  const until = new Promise<void>((resolve) => (go = resolve));
  const handler: Handler = async (request) => {
    let bytes = 0;
    for await (const part of multipart(request)) {
      await until;
      for await (const piece of part.content()) bytes += piece.length;
    }
    return text(String(bytes));
  };
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() => serveConnection(handler, server, { limits: { maxContentBytes: 100_000_000 } }));
    const content = Buffer.from(formOf([file("a", "f"), "x".repeat(5_000_000)]));
    let sent = 0;
    await client.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${TYPE}\r\nContent-Length: ${content.length}\r\n\r\n`,
    );
    const sending = spawn(async () => {
      for (; sent < content.length; sent += 10_000) await client.write(content.subarray(sent, sent + 10_000));
    });
    let before = -1;
    while (before !== sent) {
      before = sent;
      await sleep(20);
    }
    assert.ok(sent < 1_000_000, `found ${sent} bytes taken of a client while nobody read`);
    go();
    await sending.join();
    assert.match(Buffer.from((await client.read()) ?? []).toString(), /\r\n\r\n5000000$/);
    client.destroy({ reset: true });
    await serving.join();
  });
});

coroutineTest("a client that goes away within a part ends the handler", async () => {
  let ends = 0;
  const failures: unknown[] = [];
  const handler: Handler = async (request) => {
    try {
      for await (const part of multipart(request)) await part.bytes();
    } finally {
      ends++;
    }
    return text("all");
  };
  for (const reset of [true, false]) {
    await scope(async () => {
      const [client, server] = memoryPair();
      const serving = spawn(() => serveConnection(handler, server, { onFailure: (error) => failures.push(error) }));
      await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${TYPE}\r\nContent-Length: 100000\r\n\r\n`);
      await client.write(formOf([file("a", "f"), "x".repeat(50_000)]).slice(0, 40_000));
      await sleep(5);
      client.destroy({ reset });
      await serving.join();
    });
  }
  assert.equal(ends, 2);
  assert.deepEqual(failures, []);
});

coroutineTest("limits that make no sense are refused", async () => {
  for (const wrong of [
    { maxParts: -1 },
    { maxFieldBytes: 0.5 },
    { maxFileBytes: Infinity },
    { maxPartHeaderBytes: 65_537 },
  ]) {
    const reply = await post(formOf([field("a"), "x"]), (request) => {
      assert.throws(() => multipart(request, wrong), RangeError);
      return text("ok");
    });
    assert.equal(reply.status, 200);
  }
});

coroutineTest("text of a part is UTF-8, or answered 400", async () => {
  const handler: Handler = async (request) => {
    for await (const part of multipart(request)) return text(await part.text());
    return text("none");
  };
  assert.equal((await post(formOf([field("a"), "gr\xc3\xbc\xc3\x9fe"]), handler)).text(), "grüße");
  assert.equal((await post(formOf([field("a"), "\xff"]), handler)).status, 400);
});
