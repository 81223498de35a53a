/** A user: who it is, what they have written, and what they like. */
import { asks } from "../asks.ts";
import type { Profile } from "../decode.ts";
import { useLoad, type Load } from "../loads.ts";
import { ArticleList } from "../parts/article-list.tsx";
import { Avatar } from "../parts/avatar.tsx";
import { LoadFailure } from "../parts/error-messages.tsx";
import { FollowButton } from "../parts/follow-button.tsx";
import { Item } from "../parts/navbar.tsx";
import { to, type ProfileTab } from "../routes.ts";
import { session } from "../session.ts";
import { useTitle } from "../title.ts";
import { NotFoundPage } from "./not-found.tsx";

interface ProfilePageProps {
  readonly username: string;
  readonly tab: ProfileTab;
  readonly page: number;
}

export function ProfilePage({ username, tab, page }: ProfilePageProps) {
  useTitle(username);
  const load = useLoad(asks.profile(username));
  const isKnown = load.data.value !== undefined;
  if (!isKnown && load.error.value?.status === 404) {
    return (
      <div class="profile-page">
        <NotFoundPage what="profile" />
      </div>
    );
  }
  return (
    <div class="profile-page">
      <div class={isKnown ? "profile-head user-info" : "profile-head"}>
        <div class="container">
          <div class="row">
            <div class="col-xs-12 col-md-10 offset-md-1">
              <UserInfo load={load} />
            </div>
          </div>
        </div>
      </div>
      <div class="container">
        <div class="row">
          <div class="col-xs-12 col-md-10 offset-md-1">
            <div class="articles-toggle">
              <ul class="nav nav-pills outline-active">
                <Item href={to.profile(username)} isActive={tab === "articles"}>
                  My Articles
                </Item>
                <Item href={to.profile(username, "favorites")} isActive={tab === "favorites"}>
                  Favorited Articles
                </Item>
              </ul>
            </div>
            <Written username={username} tab={tab} page={page} />
          </div>
        </div>
      </div>
    </div>
  );
}

function UserInfo({ load }: { readonly load: Load<Profile> }) {
  const profile = load.data.value;
  if (profile === undefined) {
    return load.error.value === undefined ? (
      <div class="user-info-skeleton" role="status" aria-busy="true" aria-label="Loading the profile">
        <span class="skeleton skeleton-circle skeleton-portrait" />
        <span class="skeleton skeleton-line" />
        <span class="skeleton skeleton-line" />
      </div>
    ) : (
      <LoadFailure error={load.error.value} reload={load.reload} />
    );
  }
  const isOwn = session.user.value?.username === profile.username;
  return (
    <>
      <LoadFailure error={load.error.value} reload={load.reload} />
      <Avatar class="user-img" image={profile.image} size={100} />
      <h4 dir="auto">{profile.username}</h4>
      <p dir="auto">{profile.bio}</p>
      {isOwn ? (
        <a class="btn btn-sm btn-outline-secondary action-btn" href={to.settings}>
          <i class="ion-gear-a" aria-hidden="true" /> Edit Profile Settings
        </a>
      ) : (
        <FollowButton
          class="action-btn"
          profile={profile}
          onFollowing={(following) => load.update((found) => ({ ...found, following }))}
        />
      )}
    </>
  );
}

function Written({ username, tab, page }: ProfilePageProps) {
  const load = useLoad(asks.articlesOf(username, tab, page));
  return (
    <ArticleList
      load={load}
      page={page}
      hrefOf={(number) => to.profile(username, tab, number)}
      empty="No articles are here... yet."
    />
  );
}
