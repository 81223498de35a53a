/**
 * What a visitor does with a click. Favourites and follows are shown before the server has answered, and taken back when it refuses.
 *
 * One click is one request: what is under way is not begun again, and the second half of a double click counts for nothing, for by then
 * something else may be under the pointer.
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

/** Whether the visitor's own click on the favourite of the article is still on its way. */
export function isFavoriteUnderWay(slug: string): boolean {
  return underWay.has(`favorite ${slug}`);
}

export function toggleFavorite(click: MouseEvent, article: Article, show: (marks: Marks) => void): void {
  const { slug, favorited, favoritesCount } = article;
  const what = favorited ? "take the favourite back" : "mark the article as a favourite";
  act(click, `favorite ${slug}`, what, async () => {
    show({ favorited: !favorited, favoritesCount: favoritesCount + (favorited ? -1 : 1) });
    try {
      const answer = await api.setFavorite(slug, !favorited);
      show({ favorited: answer.favorited, favoritesCount: answer.favoritesCount });
    } catch (error) {
      show({ favorited, favoritesCount });
      throw error;
    }
  });
}

export function toggleFollow(click: MouseEvent, profile: Profile, show: (following: boolean) => void): void {
  const { username, following } = profile;
  act(click, `follow ${username}`, `${following ? "unfollow" : "follow"} ${username}`, async () => {
    show(!following);
    try {
      show((await api.setFollowing(username, !following)).following);
    } catch (error) {
      show(following);
      throw error;
    }
  });
}

export function deleteArticle(click: MouseEvent, slug: string, done: () => void): void {
  act(click, `article ${slug}`, "delete the article", async () => {
    await api.deleteArticle(slug);
    tell("The article is deleted.");
    done();
  });
}

export function deleteComment(click: MouseEvent, slug: string, id: number, done: () => void): void {
  act(click, `comment ${slug} ${id}`, "delete the comment", async () => {
    await api.deleteComment(slug, id);
    tell("The comment is deleted.");
    done();
  });
}

/** Does what was clicked, unless it is being done. `what` completes "Could not …". */
function act(click: MouseEvent, key: string, what: string, todo: () => Promise<void>): void {
  if (click.detail > 1 || underWay.has(key)) return;
  if (token.peek() === null) {
    go(to.login);
    return;
  }
  void run(key, what, todo);
}

async function run(key: string, what: string, todo: () => Promise<void>): Promise<void> {
  underWay.add(key);
  try {
    await todo();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    tell(`Could not ${what}: ${error.messages.join("; ")}`, "failed");
  } finally {
    underWay.delete(key);
  }
}
