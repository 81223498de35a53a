/** Who is asking: from the Authorization field to a user that exists. */
import type { Database, Statement } from "lunet/db";
import { ApiError } from "./errors.ts";
import type { Tokens } from "./token.ts";

/** The user that a request comes from, with the token that said so. */
export interface Viewer {
  readonly id: number;
  readonly username: string;
  readonly email: string;
  readonly bio: string | null;
  readonly image: string | null;
  readonly token: string;
}

/** One scheme, in any case, and one token; two lines of the field come joined by a comma and do not match. */
const AUTHORIZATION = /^(?:token|bearer) +([^\s,]+)$/i;

const USER_BY_ID = "SELECT username, email, bio, image FROM users WHERE id = ?";

export function tokenMissing(): ApiError {
  return new ApiError(401, { token: ["is missing"] });
}

function tokenInvalid(): ApiError {
  return new ApiError(401, { token: ["is invalid"] });
}

/** Finds users by their tokens. */
export class Authentication {
  readonly #tokens: Tokens;
  readonly #userById: Statement;

  constructor(database: Database, tokens: Tokens) {
    this.#tokens = tokens;
    this.#userById = database.prepare(USER_BY_ID);
  }

  /**
   * The user that an Authorization field names.
   *
   * @throws ApiError 401 for a field that is not one good token of a user that still exists.
   */
  async viewer(authorization: string): Promise<Viewer> {
    const token = AUTHORIZATION.exec(authorization)?.[1];
    if (token === undefined) throw tokenInvalid();
    const id = this.#tokens.verify(token);
    if (id === undefined) throw tokenInvalid();
    const [row] = await this.#userById.queryRows<[string, string, string | null, string | null]>([id]);
    if (row === undefined) throw tokenInvalid();
    const [username, email, bio, image] = row;
    return { id, username, email, bio, image, token };
  }
}
