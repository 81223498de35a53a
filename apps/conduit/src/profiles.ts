/** Profiles, and who follows whom. */
import type { Database, Statement } from "lunet/db";
import { DatabaseError } from "lunet/db";
import { jsonText, type Reply } from "lunet/http";
import { Type } from "typebox";
import { ApiError, notFound } from "./errors.ts";
import type { Call } from "./route.ts";
import { insertOrKeep } from "./dialect.ts";
import { uniqueKey } from "./validation.ts";

export const Profile = Type.Object({
  username: Type.String(),
  bio: Type.Union([Type.String(), Type.Null()]),
  image: Type.Union([Type.String(), Type.Null()]),
  following: Type.Boolean(),
});
export const ProfileReply = Type.Object({ profile: Profile });

const BY_KEY = `SELECT u.id, u.username, u.bio, u.image,
    EXISTS (SELECT 1 FROM follows f WHERE f.follower_id = ? AND f.followed_id = u.id)
  FROM users u WHERE u.username_key = ?`;
const UNFOLLOW = "DELETE FROM follows WHERE follower_id = ? AND followed_id = ?";

type ProfileRow = [id: number, username: string, bio: string | null, image: string | null, following: number | boolean];

/** A profile as JSON text. Also the author in articles and comments. */
export function profileJson(
  username: string,
  bio: string | null,
  image: string | null,
  following: number | boolean | undefined,
): string {
  return (
    `{"username":${JSON.stringify(username)},"bio":${JSON.stringify(bio)},` +
    `"image":${JSON.stringify(image)},"following":${Boolean(following)}}`
  );
}

function profileReply([, username, bio, image, following]: ProfileRow): Reply {
  return jsonText(`{"profile":${profileJson(username, bio, image, following)}}`);
}

/** The handlers of `/api/profiles`. */
export class Profiles {
  readonly #byKey: Statement;
  readonly #follow: Statement;
  readonly #unfollow: Statement;

  constructor(database: Database) {
    this.#byKey = database.prepare(BY_KEY);
    this.#follow = database.prepare(insertOrKeep(database.dialect, "follows", ["follower_id", "followed_id"]));
    this.#unfollow = database.prepare(UNFOLLOW);
  }

  readonly get = async (call: Call<"optional">): Promise<Reply> =>
    profileReply(await this.#find(call.param("username"), call.viewer?.id));

  readonly follow = async (call: Call<"required">): Promise<Reply> => {
    const { viewer } = call;
    const row = await this.#find(call.param("username"), viewer.id);
    const [id, username, bio, image, following] = row;
    if (id === viewer.id) throw new ApiError(422, { username: ["can't be your own"] });
    if (!following) {
      try {
        await this.#follow.exec([viewer.id, id]);
      } catch (error) {
        if (error instanceof DatabaseError && error.code === "ERR_DB_FOREIGN_KEY") throw notFound("profile", error);
        throw error;
      }
    }
    return profileReply([id, username, bio, image, true]);
  };

  readonly unfollow = async (call: Call<"required">): Promise<Reply> => {
    const { viewer } = call;
    const [id, username, bio, image, following] = await this.#find(call.param("username"), viewer.id);
    if (following) await this.#unfollow.exec([viewer.id, id]);
    return profileReply([id, username, bio, image, false]);
  };

  async #find(username: string, viewerId = 0): Promise<ProfileRow> {
    const [row] = await this.#byKey.queryRows<ProfileRow>([viewerId, uniqueKey(username)]);
    if (row === undefined) throw notFound("profile");
    return row;
  }
}
