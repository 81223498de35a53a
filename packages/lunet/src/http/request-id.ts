/** Identifiers of requests: unique over processes and restarts, and cheap. They are not secret: who sees one can guess others. */
import { randomBytes } from "node:crypto";

/** What may stand in a log line, a field and a path, and no more: RFC 3986's unreserved characters and a few beside them. */
const REQUEST_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/;

let processId = "";
let last = 0;

/** Makes an identifier: six random bytes of this process, and a count in base 36. */
export function makeRequestId(): string {
  if (processId === "") processId = randomBytes(6).toString("base64url");
  return `${processId}.${(++last).toString(36)}`;
}

/** Tells whether text can be an identifier: 1 to 128 letters, digits and `._~+/=:@-`. */
export function isRequestId(text: string): boolean {
  return REQUEST_ID.test(text);
}
