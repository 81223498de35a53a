/** Content as text and as JSON. */
import { isAscii } from "node:buffer";
import { HttpError } from "./http-error.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Bytes that are UTF-8 as text, without a byte order mark. Throws `HttpError` 400 (`ERR_HTTP_CONTENT_ENCODING`). */
export function decodeText(bytes: Uint8Array): string {
  // Twice as fast, and most content is.
  if (isAscii(bytes)) return bufferOf(bytes).toString("latin1");
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new HttpError("ERR_HTTP_CONTENT_ENCODING", "Cannot read the content: found bytes that are not UTF-8", {
      cause,
    });
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Text that is JSON (RFC 8259) as its value. Throws `HttpError` 400 (`ERR_HTTP_CONTENT_JSON`). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new HttpError("ERR_HTTP_CONTENT_JSON", "Cannot read the content: found no JSON", { cause });
  }
}
