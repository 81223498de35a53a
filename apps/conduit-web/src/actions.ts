/**
 * What a visitor does with a click, shown before the server has answered and taken back when it refuses.
 *
 * One click is one request: what is under way is not begun again, and the second half of a double click counts for nothing.
 */
import { ApiError, api } from "./api.ts";
import type { Article, Profile } from "./decode.ts";
import { go } from "./navigation.ts";
import { tell } from "./notices.ts";
import { to } from "./routes.ts";
import { token } from "./token.ts";

/** What a favourite changes. */
export type Marks = Pick<Article, "favorited" | "favoritesCount">;

const underWay = new Set<string>();

/** Whether the visitor's own click on this is still on its way. */
export function isUnderWay(what: "favorite" | "follow", name: string): boolean {
  return underWay.has(`${what} ${name}`);
}

export async function toggleFavorite(click: MouseEvent, article: Article, show: (marks: Marks) => void): Promise<void> {
  const { slug, favorited, favoritesCount } = article;
  await once("favorite", slug, click, async () => {
    show({ favorited: !favorited, favoritesCount: favoritesCount + (favorited ? -1 : 1) });
    try {
      show(await api.setFavorite(slug, !favorited));
    } catch (error) {
      show({ favorited, favoritesCount });
      explain(error, favorited ? "take the favourite back" : "mark the article as a favourite");
    }
  });
}

export async function toggleFollow(
  click: MouseEvent,
  profile: Profile,
  show: (following: boolean) => void,
): Promise<void> {
  const { username, following } = profile;
  await once("follow", username, click, async () => {
    show(!following);
    try {
      show((await api.setFollowing(username, !following)).following);
    } catch (error) {
      show(following);
      explain(error, `${following ? "unfollow" : "follow"} ${username}`);
    }
  });
}

async function once(
  what: "favorite" | "follow",
  name: string,
  click: MouseEvent,
  act: () => Promise<void>,
): Promise<void> {
  const key = `${what} ${name}`;
  if (click.detail > 1 || underWay.has(key)) return;
  if (token.peek() === null) {
    go(to.login);
    return;
  }
  underWay.add(key);
  try {
    await act();
  } finally {
    underWay.delete(key);
  }
}

function explain(error: unknown, what: string): void {
  if (!(error instanceof ApiError)) throw error;
  tell(`Could not ${what}: ${error.messages.join("; ")}`, "failed");
}
