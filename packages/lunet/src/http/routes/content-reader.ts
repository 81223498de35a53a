/** Reads JSON content of requests and checks it by a schema. */
import { decodeText, parseJson } from "../content-text.ts";
import { HttpError, quote } from "../http-error.ts";
import type { HttpRequest } from "../request.ts";
import { addDefaults } from "./defaults.ts";
import { InvalidRequestError } from "./invalid-request.ts";
import { checkerOf, hasKeyword, type Checker, type JsonSchema } from "./json-schema.ts";
import { findProblems } from "./problems.ts";

/** JSON, and what is JSON by its suffix (RFC 6839, 3.1). */
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json[\t ]*(?:;|$)/i;

const NO_DETAILS = Object.freeze({});

/** The content of one route. It is made once. */
export class ContentReader {
  readonly #schema: JsonSchema;
  readonly #checker: Checker;
  readonly #hasDefaults: boolean;

  constructor(schema: JsonSchema) {
    this.#schema = schema;
    this.#checker = checkerOf(schema);
    this.#hasDefaults = hasKeyword(schema, "default");
  }

  /**
   * The content, if all of it is here; undefined when it has to be waited for.
   *
   * @throws HttpError 415, 400; InvalidRequestError 422
   */
  tryRead(request: HttpRequest): unknown {
    checkMediaType(request);
    const bytes = request.tryBytes();
    return bytes === undefined ? undefined : this.#check(bytes);
  }

  /** The content, when it has come. Throws as `tryRead`, which was called before. */
  async read(request: HttpRequest): Promise<unknown> {
    return this.#check(await request.bytes());
  }

  #check(bytes: Uint8Array): unknown {
    const value = valueOf(bytes);
    if (this.#hasDefaults) addDefaults(this.#schema, value);
    if (this.#checker.Check(value)) return value;
    throw new InvalidRequestError(findProblems(this.#schema, value, "content"));
  }
}

function valueOf(bytes: Uint8Array): unknown {
  try {
    return parseJson(decodeText(bytes));
  } catch (error) {
    // What a route refuses has one form.
    if (!(error instanceof HttpError)) throw error;
    throw new HttpError(error.code, error.message, { cause: error.cause, details: NO_DETAILS });
  }
}

function checkMediaType(request: HttpRequest): void {
  const type = request.field("content-type");
  if (type === "application/json" || (type !== undefined && JSON_TYPE.test(type))) return;
  const found = type === undefined ? "none" : quote(type);
  throw new HttpError("ERR_HTTP_MEDIA_TYPE", `Cannot read content of type ${found}: wanted application/json`, {
    details: NO_DETAILS,
  });
}
