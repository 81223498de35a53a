/** Reads what a server sent over one connection as a sequence of replies (RFC 9112 section 6.3), one character per byte. */

export interface SeenReply {
  readonly status: number;
  /** Names in lower case; of several lines the last. */
  readonly fields: ReadonlyMap<string, string>;
  readonly content: string;
}

export interface SeenReplies {
  readonly replies: readonly SeenReply[];
  /** What is no whole reply: the beginning of one, or nonsense. */
  readonly rest: string;
}

/** The field by which a handler of the tests says that no content follows, although a length is given. */
export const METHOD_FIELD = "x-method";

export function readReplies(text: string, hasEnded: boolean): SeenReplies {
  const replies: SeenReply[] = [];
  let at = 0;
  for (;;) {
    const reply = readReply(text, at, hasEnded);
    if (reply === undefined) return { replies, rest: text.slice(at) };
    replies.push(reply);
    at = reply.end;
  }
}

function readReply(text: string, at: number, hasEnded: boolean): (SeenReply & { end: number }) | undefined {
  const headEnd = text.indexOf("\r\n\r\n", at);
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = text.slice(at, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] ([1-5][0-9]{2}) [ -~]*$/.exec(statusLine)?.[1] ?? NaN);
  if (Number.isNaN(status)) return undefined;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#-'*+\-.^-`|~0-9A-Za-z]+): ?([\t -~\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    fields.set(name.toLowerCase(), value);
  }
  const start = headEnd + 4;
  const length = fields.get("content-length");
  if (status < 200 || status === 204 || status === 304 || fields.get(METHOD_FIELD) === "HEAD") {
    return { status, fields, content: "", end: start };
  }
  if (fields.has("transfer-encoding")) {
    const chunks = readChunks(text, start);
    return chunks && { status, fields, ...chunks };
  }
  if (length === undefined) {
    return hasEnded ? { status, fields, content: text.slice(start), end: text.length } : undefined;
  }
  const end = start + Number(length);
  return end <= text.length ? { status, fields, content: text.slice(start, end), end } : undefined;
}

function readChunks(text: string, from: number): { content: string; end: number } | undefined {
  let content = "";
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (Number.isNaN(size) || at > text.length || text.slice(at - 2, at) !== "\r\n") return undefined;
    if (size === 0) return { content, end: at };
    content += text.slice(lineEnd + 2, at - 2);
  }
}
