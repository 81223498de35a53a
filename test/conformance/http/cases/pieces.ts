/** What many cases are made of. */
import type { Refusal } from "../case.ts";

export const HOST = "Host: a\r\n";
export const MAX_LENGTH = "9007199254740991";
export const CHUNKED_HEAD = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

/** A GET with fields behind its Host. */
export const get = (fields = "", target = "/"): string => `GET ${target} HTTP/1.1\r\n${HOST}${fields}\r\n`;
/** A POST with fields behind its Host, and whatever follows its head. */
export const post = (fields: string, rest = ""): string => `POST / HTTP/1.1\r\n${HOST}${fields}\r\n${rest}`;
/** A request that content or a second reader may hold. */
export const SMUGGLED = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`;

/** Every control byte but HTAB, LF and CR (RFC 5234 appendix B.1). */
export const CONTROLS: readonly number[] = [
  ...Array.from({ length: 32 }, (_, byte) => byte).filter((byte) => byte !== 9 && byte !== 10 && byte !== 13),
  127,
];
export const nameOf = (byte: number): string => `0x${byte.toString(16).padStart(2, "0")}`;

export const LINE_END: Refusal = [400, "ERR_HTTP_LINE_END"];
export const CONTROL: Refusal = [400, "ERR_HTTP_CONTROL_BYTE"];
export const EMPTY_LINE: Refusal = [400, "ERR_HTTP_EMPTY_LINE"];
export const REQUEST_LINE: Refusal = [400, "ERR_HTTP_REQUEST_LINE"];
export const METHOD: Refusal = [400, "ERR_HTTP_METHOD"];
export const TARGET: Refusal = [400, "ERR_HTTP_TARGET"];
export const TARGET_TOO_LONG: Refusal = [414, "ERR_HTTP_TARGET_TOO_LONG"];
export const VERSION: Refusal = [400, "ERR_HTTP_VERSION"];
export const VERSION_UNSUPPORTED: Refusal = [505, "ERR_HTTP_VERSION_UNSUPPORTED"];
export const NAME: Refusal = [400, "ERR_HTTP_FIELD_NAME"];
export const FOLDED: Refusal = [400, "ERR_HTTP_FIELD_FOLDED"];
export const TOO_LARGE: Refusal = [431, "ERR_HTTP_HEADERS_TOO_LARGE"];
export const TOO_MANY: Refusal = [431, "ERR_HTTP_TOO_MANY_FIELDS"];
export const NO_HOST: Refusal = [400, "ERR_HTTP_HOST_MISSING"];
export const TWO_HOSTS: Refusal = [400, "ERR_HTTP_HOST_REPEATED"];
export const BAD_HOST: Refusal = [400, "ERR_HTTP_HOST_INVALID"];
export const LENGTH: Refusal = [400, "ERR_HTTP_CONTENT_LENGTH"];
export const CONFLICT: Refusal = [400, "ERR_HTTP_FRAMING_CONFLICT"];
export const CODING: Refusal = [400, "ERR_HTTP_TRANSFER_CODING"];
export const UNKNOWN_CODING: Refusal = [501, "ERR_HTTP_TRANSFER_CODING_UNKNOWN"];
export const CONTENT_TOO_LARGE: Refusal = [413, "ERR_HTTP_CONTENT_TOO_LARGE"];
export const CHUNK: Refusal = [400, "ERR_HTTP_CHUNK"];
export const CHUNK_LINE: Refusal = [400, "ERR_HTTP_CHUNK_LINE_TOO_LONG"];
export const FORBIDDEN: Refusal = [400, "ERR_HTTP_TRAILER_FORBIDDEN"];
export const TRAILERS_TOO_LARGE: Refusal = [431, "ERR_HTTP_TRAILERS_TOO_LARGE"];
export const CONTENT_TYPE: Refusal = [400, "ERR_HTTP_CONTENT_TYPE_REPEATED"];
export const CONTENT_UNEXPECTED: Refusal = [400, "ERR_HTTP_CONTENT_UNEXPECTED"];
