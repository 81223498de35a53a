/** Requests for the fuzzers: those of the conformance table and sound ones, changed at random in a few places. */
import { cases } from "../conformance/http/corpus.ts";
import type { Random } from "./random.ts";

const MAX_SEED_BYTES = 600;
const MAX_MUTATIONS = 4;
/** A sound request to put behind others. */
export const NEXT = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n";

/** Sound requests, repeated so that mutation starts from these about as often as from what is refused anyway. */
const SOUND = [
  "GET /a?b=c HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  'PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y"\r\nabc\r\na\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n',
  "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhi",
  "GET http://b:81/x HTTP/1.1\r\nHost: a\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
];
const SEEDS: readonly string[] = [
  ...cases
    // Of a row that stands for many, mutation makes the others.
    .filter(({ row, bytes }) => row === undefined && bytes.length > 0 && bytes.length <= MAX_SEED_BYTES)
    .map((item) => item.bytes),
  ...Array.from({ length: 160 }, () => SOUND).flat(),
];

const PIECES: readonly string[] = [
  ...'\r\n\t\0\x0b\x7f\x80\xff :;,="\\/#?*@[]%+-.0123456789abcdefxX',
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  "\r\r\n",
  "\r\n ",
  "\r\n\t",
  " :",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "content-length:1\r\n",
  "Transfer-Encoding: chunked\r\n",
  "transfer-encoding:\tChunked\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "Host: b\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "X: y\r\n",
  "chunked",
  ", chunked",
  ", 5",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/2.0",
  "0\r\n\r\n",
  "1\r\nx\r\n",
  ";a=b",
  ';"',
  NEXT,
];

/** One request, or two in a row, with at most four changes. */
export function mutate(random: Random): string {
  let text = random.pick(SEEDS);
  if (random.below(4) === 0) text += random.pick(SEEDS);
  for (let left = random.below(MAX_MUTATIONS + 1); left > 0; left--) {
    const at = random.below(text.length + 1);
    const end = Math.min(text.length, at + 1 + random.below(random.below(8) === 0 ? 40 : 3));
    switch (random.below(8)) {
      case 0:
        text = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
        break;
      case 1:
      case 2:
      case 3:
        text = text.slice(0, at) + random.pick(PIECES) + text.slice(at);
        break;
      case 4:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 5:
        text = text.slice(0, end) + text.slice(at);
        break;
      case 6:
        text = insertLine(text, random);
        break;
      default:
        text = random.below(4) === 0 ? text.slice(0, at) : text.slice(0, at) + random.pick(PIECES) + text.slice(end);
    }
  }
  return text;
}

/** Puts a piece behind a random line end, where field lines and chunk sizes start. */
function insertLine(text: string, random: Random): string {
  const found = text.indexOf("\r\n", random.below(text.length + 1));
  const at = found === -1 ? 0 : found + 2;
  return text.slice(0, at) + random.pick(PIECES) + text.slice(at);
}
