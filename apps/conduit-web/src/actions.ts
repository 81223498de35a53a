/**
 * What a visitor does with a click. Favourites and follows are shown before the server has answered, and taken back when it refuses.
 *
 * The second half of a double click counts for nothing, for by then something else may be under the pointer. What is being deleted is
 * not deleted again. A favourite or a follow that is taken back while it is being set is taken back afterwards.
 */
import { ApiError, api } from "./api.ts";
import type { Article, Profile } from "./decode.ts";
import { go } from "./navigation.ts";
import { tell } from "./notices.ts";
import { to } from "./routes.ts";
import { token } from "./token.ts";

/** What a favourite changes. */
export type Marks = Pick<Article, "favorited" | "favoritesCount">;

const favorites = toggles<Marks>(({ favorited }) => favorited);
const follows = toggles<Pick<Profile, "following">>(({ following }) => following);
const deletions = new Set<string>();

/** Whether the visitor's own click on the favourite of the article is still on its way. */
export function isFavoriteUnderWay(slug: string): boolean {
  return favorites.isUnderWay(slug);
}

export function toggleFavorite(click: MouseEvent, article: Article, show: (marks: Marks) => void): void {
  const { slug, favorited, favoritesCount } = article;
  favorites.toggle(click, slug, {
    before: { favorited, favoritesCount },
    after: { favorited: !favorited, favoritesCount: favoritesCount + (favorited ? -1 : 1) },
    send: async (isSet) => {
      const answer = await api.setFavorite(slug, isSet);
      return { favorited: answer.favorited, favoritesCount: answer.favoritesCount };
    },
    show,
    what: (isSet) => (isSet ? "mark the article as a favourite" : "take the favourite back"),
  });
}

export function toggleFollow(click: MouseEvent, profile: Profile, show: (following: boolean) => void): void {
  const { username, following } = profile;
  follows.toggle(click, username, {
    before: { following },
    after: { following: !following },
    send: async (isSet) => await api.setFollowing(username, isSet),
    show: (state) => show(state.following),
    what: (isSet) => `${isSet ? "follow" : "unfollow"} ${username}`,
  });
}

export function deleteArticle(click: MouseEvent, slug: string, done: () => void): void {
  if (isMembersClick(click)) void remove(`article ${slug}`, "article", () => api.deleteArticle(slug), done);
}

export function deleteComment(click: MouseEvent, slug: string, id: number, done: () => void): void {
  if (isMembersClick(click)) void remove(`comment ${slug} ${id}`, "comment", () => api.deleteComment(slug, id), done);
}

/** Something that is set and taken back with one button: a click on it. */
interface Toggle<State> {
  /** What is shown when the click comes. */
  readonly before: State;
  /** What it is to become. */
  readonly after: State;
  /** Tells the server, and gives what it has now. */
  readonly send: (isSet: boolean) => Promise<State>;
  readonly show: (state: State) => void;
  /** Completes "Could not …". */
  readonly what: (isSet: boolean) => string;
}

/** The buttons of one kind, each known by a name. One request of a visitor is under way for each, and the visitor's last click counts. */
function toggles<State>(isSet: (state: State) => boolean) {
  /** The last click on each button whose request is under way, by visitor and name. Nothing but `run` takes it out. */
  const last = new Map<string, Toggle<State>>();
  const keyOf = (name: string): string => `${token.peek()} ${name}`;

  async function run(key: string, name: string, { before, after, send, what }: Toggle<State>): Promise<void> {
    let stored = before;
    let sent = isSet(after);
    // Whoever is here in the place of the visitor wants nothing of this.
    const wantsOther = (): boolean => isSet(last.get(key)!.after) !== sent && keyOf(name) === key;
    try {
      for (;;) {
        try {
          stored = await send(sent);
        } catch (error) {
          // Whether the server has done it is not known, and what is wanted now is the opposite.
          if (!(error instanceof ApiError) || !wantsOther()) throw error;
        }
        if (!wantsOther()) break;
        sent = !sent;
      }
    } catch (error) {
      tellFailure(what(sent), error);
    } finally {
      const { show } = last.get(key)!;
      last.delete(key);
      show(stored);
    }
  }

  return {
    isUnderWay: (name: string): boolean => last.has(keyOf(name)),
    toggle(click: MouseEvent, name: string, toggle: Toggle<State>): void {
      if (!isMembersClick(click)) return;
      const key = keyOf(name);
      const isUnderWay = last.has(key);
      last.set(key, toggle);
      toggle.show(toggle.after);
      if (!isUnderWay) void run(key, name, toggle);
    },
  };
}

/** Deletes, unless it is being done. */
async function remove(key: string, what: string, send: () => Promise<void>, done: () => void): Promise<void> {
  if (deletions.has(key)) return;
  deletions.add(key);
  try {
    await send();
    tell(`The ${what} is deleted.`);
    done();
  } catch (error) {
    tellFailure(`delete the ${what}`, error);
  } finally {
    deletions.delete(key);
  }
}

/** Whether a click is one to act on. Whoever is not logged in is sent to do that. */
function isMembersClick(click: MouseEvent): boolean {
  if (click.detail > 1) return false;
  if (token.peek() !== null) return true;
  go(to.login);
  return false;
}

/** `what` completes "Could not …". */
function tellFailure(what: string, error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
  tell(`Could not ${what}: ${error.messages.join("; ")}`, "failed");
}
