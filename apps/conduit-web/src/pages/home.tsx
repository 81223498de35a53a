/** The newest articles: all of them, those of a tag, or those of the authors whom the visitor follows. */
import { asks, type FeedName } from "../asks.ts";
import { useLoad } from "../loads.ts";
import { ArticleList } from "../parts/article-list.tsx";
import { LoadFailure } from "../parts/error-messages.tsx";
import { Item } from "../parts/navbar.tsx";
import { LinesSkeleton } from "../parts/skeletons.tsx";
import { TagLink } from "../parts/tags.tsx";
import { to } from "../routes.ts";
import { session } from "../session.ts";
import { useTitle } from "../title.ts";

type HomePageProps = { readonly page: number } & FeedName;

export function HomePage(props: HomePageProps) {
  const { feed } = props;
  const tag = feed === "tag" ? props.tag : undefined;
  useTitle(tag === undefined ? (feed === "following" ? "Your Feed" : "") : `#${tag}`);
  const isMember = session.state.value === "authenticated";
  return (
    <div class="home-page">
      <div class="banner">
        <div class="container">
          <h1 class="logo-font">conduit</h1>
          <p>A place to share your knowledge.</p>
        </div>
      </div>
      <div class="container page">
        <div class="row">
          <div class="col-md-9">
            <div class="feed-toggle">
              <ul class="nav nav-pills outline-active">
                {isMember && (
                  <Item href={to.following()} isActive={feed === "following"}>
                    Your Feed
                  </Item>
                )}
                <Item href={to.home()} isActive={feed === "global"}>
                  Global Feed
                </Item>
                {tag !== undefined && (
                  <Item href={to.tag(tag)} isActive>
                    <i class="ion-pound" aria-hidden="true" /> <bdi>{tag}</bdi>
                  </Item>
                )}
              </ul>
            </div>
            <Feed {...props} />
          </div>
          <div class="col-md-3">
            <aside class="sidebar" aria-label="Popular tags">
              <p>Popular Tags</p>
              <PopularTags />
            </aside>
          </div>
        </div>
      </div>
    </div>
  );
}

function Feed(props: HomePageProps) {
  const { feed, page } = props;
  const load = useLoad(asks.feed(props, page));
  const hrefOf = (number: number): string => {
    if (feed === "tag") return to.tag(props.tag, number);
    return feed === "following" ? to.following(number) : to.home(number);
  };
  const empty =
    feed === "following" ? (
      <>
        Your feed is empty. Follow some authors: <a href={to.home()}>see the newest articles</a>.
      </>
    ) : (
      "No articles are here... yet."
    );
  return <ArticleList load={load} page={page} hrefOf={hrefOf} empty={empty} />;
}

function PopularTags() {
  const { data, error, reload } = useLoad(asks.tags);
  if (data.value === undefined) {
    return error.value === undefined ? (
      <LinesSkeleton lines={4} label="Loading tags" />
    ) : (
      <LoadFailure error={error.value} reload={reload} />
    );
  }
  if (data.value.length === 0) return <div class="tag-list">No tags are here... yet.</div>;
  return (
    <div class="tag-list">
      {data.value.slice(0, MAX_TAGS).map((tag) => (
        <TagLink key={tag} class="tag-pill tag-default" tag={tag} />
      ))}
    </div>
  );
}

/** The server lists all tags, the most used first. More than this nobody reads. */
const MAX_TAGS = 500;
