/**
 * Ambiguous messages through nginx to lunet, as a table: attacks that have worked somewhere, against two readers that disagree
 * on where a message ends. For each
 * - lunet sees as many requests as nginx has passed on, and of each what nginx has logged of it: no hidden one;
 * - nginx has taken each for a request itself, with that very line: where it knows two requests, so does lunet;
 * - requests of other clients, over the connections that nginx keeps to lunet, get their own replies.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";
import { until } from "lunet";
import { serve, text, type Server } from "lunet/http";
import { coroutineTest } from "lunet/testing";
import { NginxRun, SERVER_NAME } from "../../tools/nginx/nginx-run.ts";
import { get, RawClient, waitFor } from "./behind-nginx.ts";

const root = join(import.meta.dirname, "..", "..");
let nginx: NginxRun;
before(async () => {
  nginx = await NginxRun.start({ root, logs: process.env["LUNET_TEST_LOGS"] ?? join(root, ".tmp", "nginx-logs") });
});
after(async () => nginx.close());

const HOST = `Host: ${SERVER_NAME}\r\n`;
/** What an attack wants to have taken for a request of its own. */
const HIDDEN = `GET /hidden HTTP/1.1\r\n${HOST}\r\n`;
const HIDDEN_LENGTH = HIDDEN.length;
/** A chunk that holds it, so that a reader of chunks sees content. */
const HIDDEN_CHUNK = `${HIDDEN_LENGTH.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`;

const post = (fields: string, content: string): string => `POST /attack HTTP/1.1\r\n${HOST}${fields}\r\n${content}`;
/** Ends for a reader of chunks before the hidden request, for one of lengths behind it. */
const chunksEndFirst = `0\r\n\r\n${HIDDEN}`;

/** How `Transfer-Encoding: chunked` has been written so that one reader knows it and another does not. */
const OBFUSCATIONS: Readonly<Record<string, string>> = {
  "a space before the colon": "Transfer-Encoding : chunked\r\n",
  "a tab after the colon": "Transfer-Encoding:\tchunked\r\n",
  "a vertical tab": "Transfer-Encoding: \x0bchunked\r\n",
  "a form feed": "Transfer-Encoding:\x0cchunked\r\n",
  "a NUL": "Transfer-Encoding: chunked\0\r\n",
  "a space behind": "Transfer-Encoding: chunked \r\n",
  "another case": "tRANSFER-eNCODING: cHUNKED\r\n",
  "an underscore": "Transfer_Encoding: chunked\r\n",
  "a folded line": "Transfer-Encoding:\r\n chunked\r\n",
  "a line that is folded into it": "X: y\r\n Transfer-Encoding: chunked\r\n",
  "a bare CR before it": "X: y\rTransfer-Encoding: chunked\r\n",
  "a bare LF before it": "X: y\nTransfer-Encoding: chunked\r\n",
  "a bare LF behind it": "Transfer-Encoding: chunked\n",
  "a leading space": " Transfer-Encoding: chunked\r\n",
  "a quoted value": 'Transfer-Encoding: "chunked"\r\n',
  "a coding that begins alike": "Transfer-Encoding: chunkedx\r\n",
  "a coding that ends alike": "Transfer-Encoding: xchunked\r\n",
  "a parameter": "Transfer-Encoding: chunked;q=1\r\n",
  "an empty member": "Transfer-Encoding: ,chunked\r\n",
  identity: "Transfer-Encoding: identity\r\n",
  "identity before it": "Transfer-Encoding: identity, chunked\r\n",
  "identity behind it": "Transfer-Encoding: chunked, identity\r\n",
  "gzip before it": "Transfer-Encoding: gzip, chunked\r\n",
  "it twice in a line": "Transfer-Encoding: chunked, chunked\r\n",
  "it in two lines": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
  "identity in a second line": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
  "another in a first line": "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
  "a byte past ASCII": "Transfer-Encoding: chunked\xa0\r\n",
  "a name with a byte past ASCII": "Transfer-Encoding\xa0: chunked\r\n",
  "an empty value": "Transfer-Encoding:\r\n",
};

/** How a length has been written so. */
const LENGTHS: Readonly<Record<string, string>> = {
  "two that differ": `Content-Length: 0\r\nContent-Length: ${HIDDEN_LENGTH}\r\n`,
  "two that are the same": `Content-Length: ${HIDDEN_LENGTH}\r\nContent-Length: ${HIDDEN_LENGTH}\r\n`,
  "a list": `Content-Length: 0, ${HIDDEN_LENGTH}\r\n`,
  "a list of the same": `Content-Length: ${HIDDEN_LENGTH}, ${HIDDEN_LENGTH}\r\n`,
  "a sign": `Content-Length: +${HIDDEN_LENGTH}\r\n`,
  "a minus": "Content-Length: -1\r\n",
  hexadecimal: `Content-Length: 0x${HIDDEN_LENGTH.toString(16)}\r\n`,
  "leading zeros": `Content-Length: 00${HIDDEN_LENGTH}\r\n`,
  "a space within": "Content-Length: 4 4\r\n",
  "a space before the colon": `Content-Length : ${HIDDEN_LENGTH}\r\n`,
  "an underscore": `Content_Length: ${HIDDEN_LENGTH}\r\n`,
  "a fraction": `Content-Length: ${HIDDEN_LENGTH}.0\r\n`,
  "more than 2^64": `Content-Length: 18446744073709551616\r\n`,
  "2^64 and it": `Content-Length: ${2n ** 64n + BigInt(HIDDEN_LENGTH)}\r\n`,
  "an empty value": "Content-Length:\r\n",
  "a folded line": `Content-Length:\r\n ${HIDDEN_LENGTH}\r\n`,
  "a NUL": `Content-Length: ${HIDDEN_LENGTH}\0\r\n`,
};

/** How the size of a chunk, or what stands around it, has been written so. */
const CHUNKS: Readonly<Record<string, string>> = {
  "an extension": `1;a=b\r\nx\r\n0\r\n\r\n`,
  "an extension with a bare LF": `1;a\nx\r\n0\r\n\r\n${HIDDEN}`,
  "an extension with a bare CR": `1;a\rx\r\n0\r\n\r\n`,
  "a quoted extension with a line end": `1;a="\r\n0\r\n\r\n${HIDDEN}"\r\nx\r\n0\r\n\r\n`,
  "a size with 0x": `0x1\r\nx\r\n0\r\n\r\n`,
  "a size with a sign": `+1\r\nx\r\n0\r\n\r\n`,
  "a negative size": `-1\r\nx\r\n0\r\n\r\n`,
  "a size past 2^64": `10000000000000001\r\nx\r\n0\r\n\r\n`,
  "a size with a space before": ` 1\r\nx\r\n0\r\n\r\n`,
  "a size with a space behind": `1 \r\nx\r\n0\r\n\r\n`,
  "no size": `\r\nx\r\n0\r\n\r\n`,
  "a size that ends with LF": `1\nx\n0\n\n`,
  "a bare LF behind the data": `1\r\nx\n0\r\n\r\n`,
  "two bytes instead of a line end": `1\r\nxyy0\r\n\r\n`,
  "data that is longer than its size": `1\r\nxyz\r\n0\r\n\r\n`,
  "a last chunk of zeros": `1\r\nx\r\n000\r\n\r\n`,
  "a last chunk without its end": `1\r\nx\r\n0\r\n${HIDDEN}`,
  trailers: `1\r\nx\r\n0\r\nX: y\r\n\r\n`,
  "a trailer with a length": `1\r\nx\r\n0\r\nContent-Length: 5\r\n\r\n`,
  "a trailer with a coding": `1\r\nx\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n`,
};

/** The rest: heads that two readers may take apart in two ways. */
const HEADS: Readonly<Record<string, string>> = {
  "CL.TE": post(`Content-Length: ${5 + HIDDEN_LENGTH}\r\nTransfer-Encoding: chunked\r\n`, chunksEndFirst),
  "TE.CL": post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", HIDDEN_CHUNK),
  "CL.0: content of a GET": `GET /attack HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN_LENGTH}\r\n\r\n${HIDDEN}`,
  "chunks of a GET": `GET /attack HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${HIDDEN_CHUNK}`,
  "content of a HEAD": `HEAD /attack HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN_LENGTH}\r\n\r\n${HIDDEN}`,
  "content of a DELETE": `DELETE /attack HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN_LENGTH}\r\n\r\n${HIDDEN}`,
  "TE.0: chunks of OPTIONS": `OPTIONS /attack HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${HIDDEN_CHUNK}`,
  "chunks in HTTP/1.0": `POST /attack HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${HIDDEN_CHUNK}`,
  "chunks in HTTP/1.0, kept alive": `POST /attack HTTP/1.0\r\n${HOST}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${HIDDEN_CHUNK}`,
  "Content-Length named by Connection": `POST /attack HTTP/1.1\r\n${HOST}Connection: Content-Length\r\nContent-Length: ${HIDDEN_LENGTH}\r\n\r\n${HIDDEN}`,
  "Transfer-Encoding named by Connection": `POST /attack HTTP/1.1\r\n${HOST}Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n${HIDDEN_CHUNK}`,
  "Host named by Connection": `GET /attack HTTP/1.1\r\n${HOST}Connection: Host, X-Forwarded-For\r\n\r\n`,
  "a second Host": `GET /attack HTTP/1.1\r\n${HOST}Host: evil.example\r\n\r\n`,
  "the same Host twice": `GET /attack HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  "a Host that is not the target's": `GET https://${SERVER_NAME}/attack HTTP/1.1\r\nHost: evil.example\r\n\r\n`,
  "a target with another authority": `GET https://evil.example/attack HTTP/1.1\r\n${HOST}\r\n`,
  "a Host with a user": `GET /attack HTTP/1.1\r\nHost: ${SERVER_NAME}@evil.example\r\n\r\n`,
  "a Host with a path": `GET /attack HTTP/1.1\r\nHost: ${SERVER_NAME}/x\r\n\r\n`,
  "a Host with a tab": `GET /attack HTTP/1.1\r\nHost: ${SERVER_NAME}\tx\r\n\r\n`,
  "no Host": `GET /attack HTTP/1.1\r\n\r\n`,
  "a folded Host": `GET /attack HTTP/1.1\r\n${HOST} evil.example\r\n\r\n`,
  "a space in the target": `GET /attack HTTP/1.1 /hidden HTTP/1.1\r\n${HOST}\r\n`,
  "a line end in the target": `GET /attack\r\n/hidden HTTP/1.1\r\n${HOST}\r\n`,
  "an encoded line end in the target": `GET /attack%0d%0aX:%20y HTTP/1.1\r\n${HOST}\r\n`,
  "an encoded request in the target": `GET /attack%20HTTP/1.1%0d%0aHost:%20a%0d%0a%0d%0aGET%20/hidden HTTP/1.1\r\n${HOST}\r\n`,
  "a fragment in the target": `GET /attack#/hidden HTTP/1.1\r\n${HOST}\r\n`,
  "dots in the target": `GET /x/../attack HTTP/1.1\r\n${HOST}\r\n`,
  "a NUL in a field": `GET /attack HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`,
  "a bare CR in a field": `GET /attack HTTP/1.1\r\n${HOST}X: a\rGET /hidden HTTP/1.1\r\n\r\n`,
  "a bare LF for an empty line": `GET /attack HTTP/1.1\r\n${HOST}\n${HIDDEN}`,
  "lines that end with LF": `GET /attack HTTP/1.1\nHost: ${SERVER_NAME}\n\n`,
  "an empty line before": `\r\nGET /attack HTTP/1.1\r\n${HOST}\r\n`,
  "HTTP/0.9": "GET /attack\r\n",
  "HTTP/1.2": `GET /attack HTTP/1.2\r\n${HOST}\r\n`,
  "HTTP/2.0 in text": `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
  "a method of another case": `get /attack HTTP/1.1\r\n${HOST}\r\n`,
  CONNECT: `CONNECT ${SERVER_NAME}:443 HTTP/1.1\r\n${HOST}\r\n`,
  TRACE: `TRACE /attack HTTP/1.1\r\n${HOST}\r\n`,
  "an upgrade with content": `POST /attack HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${HIDDEN_LENGTH}\r\n\r\n${HIDDEN}`,
  "an upgrade that is refused": `GET /attack HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 7\r\n\r\n${HIDDEN.replace("/hidden", "/behind")}`,
  "an upgrade to h2c": `GET /attack HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
  "Expect and content at once": post(`Expect: 100-continue\r\nContent-Length: ${HIDDEN_LENGTH}\r\n`, HIDDEN),
  "an Expect that nobody knows": post(`Expect: 100-continue, x\r\nContent-Length: ${HIDDEN_LENGTH}\r\n`, HIDDEN),
  "fields of a proxy": `GET /attack HTTP/1.1\r\n${HOST}X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX_Forwarded_For: 9.9.9.9\r\n\r\n`,
};

const TABLE: ReadonlyArray<readonly [what: string, raw: string]> = [
  ...Object.entries(HEADS),
  ...Object.entries(OBFUSCATIONS).flatMap(([how, field]): Array<readonly [string, string]> => [
    [`TE.TE with a length that ends first: ${how}`, post(`${field}Content-Length: 4\r\n`, HIDDEN_CHUNK)],
    [
      `TE.TE with chunks that end first: ${how}`,
      post(`Content-Length: ${5 + HIDDEN_LENGTH}\r\n${field}`, chunksEndFirst),
    ],
    [`TE.TE without a length: ${how}`, post(field, HIDDEN_CHUNK)],
  ]),
  ...Object.entries(LENGTHS).map(([how, field]) => [`Content-Length: ${how}`, post(field, HIDDEN)] as const),
  ...Object.entries(CHUNKS).map(
    ([how, content]) => [`a chunk: ${how}`, post("Transfer-Encoding: chunked\r\n", content)] as const,
  ),
];

interface Seen {
  readonly line: string;
  readonly id: string;
  /** The content; undefined when it was refused while it was read. */
  content: string | undefined;
}

/** Serves and writes down what it is asked; answers with a mark of its own for each. */
async function serveSeen(seen: Seen[]): Promise<Server> {
  const server = await serve(
    async (request) => {
      const one: Seen = {
        line: `${request.method} ${request.target}`,
        id: request.field("x-request-id") ?? "none",
        content: undefined,
      };
      seen.push(one);
      one.content = await request.text();
      return text(`lunet ${one.line}`);
    },
    { path: nginx.socketA, limits: { drainIdleMs: 0, lingerMs: 50 } },
  );
  nginx.open(nginx.socketA);
  return server;
}

/** Whether nginx has logged this method and target. A target in absolute form comes in origin form. */
function isLineOf(log: string, line: string): boolean {
  const [, method = "", target = ""] = /"(\S+) (.+?)(?: HTTP\/\d\.\d)?" \d{3} /.exec(log) ?? [];
  return line === `${method} ${target.replace(/^https:\/\/[^/]+/, "")}`;
}

const REPLY = /lunet (\S+ \S+?)(?=HTTP\/1\.1|\r\n|$)/g;

/** Long enough for nginx to answer, or to go on waiting for what does not come. */
const ANSWER_TIMEOUT_MS = 150;
/** What comes late after the markers have come. */
const REST_TIMEOUT_MS = 30;
const MARKERS = 3;

let attacks = 0;
for (const [what, raw] of TABLE) {
  coroutineTest(`through both: ${what}`, async () => {
    const seen: Seen[] = [];
    const attack = ++attacks;
    const logged = nginx.accessLog.length;
    const server = await serveSeen(seen);
    // Connections that the attack could leave a rest on.
    await until(Promise.all(Array.from({ length: MARKERS }, (_, at) => get(nginx, { path: `/before-${at}` }))));
    const client = await until(RawClient.open(nginx));
    client.send(raw);
    await until(client.wait((received) => /\r\n\r\n./s.test(received), ANSWER_TIMEOUT_MS));
    // The attacker's own next request, and those of others.
    client.send(`GET /own-${attack} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    for (let at = 0; at < 2 * MARKERS; at++) {
      const marker = await until(get(nginx, { path: `/marker-${attack}-${at}` }));
      assert.deepEqual([marker.status, marker.text], [200, `lunet GET /marker-${attack}-${at}`]);
    }
    await until(client.wait(() => false, REST_TIMEOUT_MS));
    client.close();
    const passedOn = (): string[] => nginx.accessLog.slice(logged).filter((line) => !line.includes(' "-" "-" "'));
    assert.ok(
      await until(waitFor(() => seen.every(({ id }) => passedOn().some((line) => line.includes(id))))),
      `lunet saw a request that nginx has not passed on: ${JSON.stringify(seen)}`,
    );
    await server.close({ graceMs: 1_000 });
    // What lunet refused before a handler saw it has been passed on, too, with its 4xx.
    const isSeen = (line: string): boolean => seen.some(({ id }) => line.includes(id));
    const refused = passedOn().filter((line) => /[ "][45]\d\d" "[^"]*"$/.test(line) && !isSeen(line));
    assert.equal(seen.length + refused.length, passedOn().length, passedOn().join("\n"));
    for (const { id, line } of seen) {
      const logs = passedOn().filter((one) => one.includes(id));
      assert.equal(logs.length, 1, `lunet saw "${line}" under the number of another request`);
      assert.ok(isLineOf(logs[0] ?? "", line), `nginx took "${logs[0]}" for what lunet saw as "${line}"`);
    }
    const lines = seen.map(({ line }) => line);
    // Each reply on the attacker's connection is to a request that nginx has passed on for it.
    for (const [, line = ""] of client.received.matchAll(REPLY)) assert.ok(lines.includes(line), line);
  });
}
