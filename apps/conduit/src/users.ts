/** Registering, logging in, and the current user. */
import type { Database, Statement } from "lunet/db";
import { DatabaseError } from "lunet/db";
import { json, type Reply } from "lunet/http";
import { wallMs } from "lunet/time";
import { Type } from "typebox";
import type { Viewer } from "./auth.ts";
import { insertedId } from "./dialect.ts";
import { ApiError, type FieldErrors } from "./errors.ts";
import type { Passwords } from "./password.ts";
import type { Call } from "./route.ts";
import type { Tokens } from "./token.ts";
import { uniqueKey } from "./validation.ts";

/** Bytes of the key that a name or an address is unique by; an index of PostgreSQL takes 2,704, one of MariaDB 3,072. */
const MAX_KEY_BYTES = 1_024;
const Username = Type.String({ minLength: 1, maxLength: 64, maxKeyBytes: MAX_KEY_BYTES, format: "username" });
const Email = Type.String({ minLength: 1, maxLength: 254, maxKeyBytes: MAX_KEY_BYTES, format: "email" });
const Password = Type.String({ minLength: 8, maxBytes: 1_024, format: "password" });
/** An empty text is stored as null. */
const Bio = Type.Union([Type.String({ maxLength: 2_000 }), Type.Null()]);
/** Any text: it is the page's business not to run it. */
const Image = Type.Union([Type.String({ maxLength: 2_048 }), Type.Null()]);

export const NewUser = Type.Object({ user: Type.Object({ username: Username, email: Email, password: Password }) });
export const Login = Type.Object({
  // An address or a password that could not be registered is not told apart from a wrong one.
  user: Type.Object({
    email: Type.String({ minLength: 1, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 2_048, format: "password" }),
  }),
});
export const UserUpdate = Type.Object({
  user: Type.Partial(Type.Object({ username: Username, email: Email, password: Password, bio: Bio, image: Image })),
});
export const UserReply = Type.Object({
  user: Type.Object({
    email: Type.String(),
    token: Type.String(),
    username: Type.String(),
    bio: Type.Union([Type.String(), Type.Null()]),
    image: Type.Union([Type.String(), Type.Null()]),
  }),
});

const INSERT = `INSERT INTO users (username, username_key, email, email_key, password_hash, created_at)
  VALUES (?, ?, ?, ?, ?, ?) RETURNING id`;
const BY_EMAIL = "SELECT id, username, email, bio, image, password_hash FROM users WHERE email_key = ?";
const BY_ID = "SELECT username, email, bio, image FROM users WHERE id = ?";
/** NULL keeps what is there; bio and image, which may become NULL, have a 1 before them when they are to be set. */
const UPDATE = `UPDATE users SET
    username = COALESCE(?, username), username_key = COALESCE(?, username_key),
    email = COALESCE(?, email), email_key = COALESCE(?, email_key),
    password_hash = COALESCE(?, password_hash),
    bio = CASE WHEN ? = 1 THEN ? ELSE bio END,
    image = CASE WHEN ? = 1 THEN ? ELSE image END
  WHERE id = ?`;
/** The two unique constraints of `users`, asked at once, to name both fields when both are taken. */
const TAKEN = `SELECT username_key = ?, email_key = ? FROM users WHERE (username_key = ? OR email_key = ?) AND id <> ?`;

type UserColumns = readonly [username: string, email: string, bio: string | null, image: string | null];

function userReply(status: number, [username, email, bio, image]: UserColumns, token: string): Reply {
  return json({ user: { email, token, username, bio, image } }, { status, fields: { "Cache-Control": "no-store" } });
}

/** The handlers of `/api/users` and `/api/user`. */
export class Users {
  readonly #tokens: Tokens;
  readonly #passwords: Passwords;
  readonly #insert: Statement;
  readonly #byEmail: Statement;
  readonly #byId: Statement;
  readonly #update: Statement;
  readonly #taken: Statement;

  constructor(database: Database, tokens: Tokens, passwords: Passwords) {
    this.#tokens = tokens;
    this.#passwords = passwords;
    this.#insert = database.prepare(INSERT);
    this.#byEmail = database.prepare(BY_EMAIL);
    this.#byId = database.prepare(BY_ID);
    this.#update = database.prepare(UPDATE);
    this.#taken = database.prepare(TAKEN);
  }

  readonly register = async (call: Call<"none", typeof NewUser>): Promise<Reply> => {
    const { username, email, password } = (await call.content()).user;
    const keys = { username: uniqueKey(username), email: uniqueKey(email) };
    const hash = await this.#passwords.hash(password);
    const values = [username, keys.username, email, keys.email, hash, wallMs()];
    const id = insertedId(await this.#unlessTaken(keys, 0, () => this.#insert.queryRows(values)));
    return userReply(201, [username, email, null, null], this.#tokens.issue(id));
  };

  readonly login = async (call: Call<"none", typeof Login>): Promise<Reply> => {
    const { email, password } = (await call.content()).user;
    const [row] = await this.#byEmail.queryRows<[number, ...UserColumns, string]>([uniqueKey(email)]);
    const isRight = await this.#passwords.verify(password, row?.[5]);
    if (row === undefined || !isRight) throw new ApiError(401, { credentials: ["invalid"] });
    const [id, username, address, bio, image] = row;
    return userReply(200, [username, address, bio, image], this.#tokens.issue(id));
  };

  /** The token is given back as it came: a session lasts from its log in, not from its last request. */
  readonly current = ({ viewer }: Call<"required">): Reply =>
    userReply(200, [viewer.username, viewer.email, viewer.bio, viewer.image], viewer.token);

  readonly update = async (call: Call<"required", typeof UserUpdate>): Promise<Reply> => {
    const { viewer } = call;
    const { username, email, password, bio, image } = (await call.content()).user;
    const keys = {
      username: username === undefined ? null : uniqueKey(username),
      email: email === undefined ? null : uniqueKey(email),
    };
    const hash = password === undefined ? null : await this.#passwords.hash(password);
    await this.#unlessTaken(keys, viewer.id, () =>
      this.#update.exec([
        username ?? null,
        keys.username,
        email ?? null,
        keys.email,
        hash,
        bio === undefined ? 0 : 1,
        bio || null,
        image === undefined ? 0 : 1,
        image || null,
        viewer.id,
      ]),
    );
    return userReply(200, await this.#read(viewer), viewer.token);
  };

  async #read(viewer: Viewer): Promise<UserColumns> {
    const [row] = await this.#byId.queryRows<[string, string, string | null, string | null]>([viewer.id]);
    if (row === undefined) throw new ApiError(401, { token: ["is invalid"] });
    return row;
  }

  /** Runs a write and turns the refusal of a unique constraint into 409 with the fields that are taken. */
  async #unlessTaken<T>(
    keys: { readonly username: string | null; readonly email: string | null },
    ownId: number,
    write: () => Promise<T>,
  ): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== "ERR_DB_UNIQUE") throw error;
      const params = [keys.username, keys.email, keys.username, keys.email, ownId];
      const rows = await this.#taken.queryRows<[number | boolean | null, number | boolean | null]>(params);
      const errors: Record<string, string[]> = {};
      if (rows.some((row) => Boolean(row[0])) || error.constraint?.includes("username_key")) {
        errors["username"] = ["has already been taken"];
      }
      if (rows.some((row) => Boolean(row[1])) || error.constraint?.includes("email_key")) {
        errors["email"] = ["has already been taken"];
      }
      throw new ApiError(409, errors satisfies FieldErrors, { cause: error });
    }
  }
}
