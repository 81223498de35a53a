/** An article, and what people say of it. */
import { useEffect, useRef } from "preact/hooks";
import { deleteArticle, isFavoriteUnderWay, toggleFavorite } from "../actions.ts";
import { asks } from "../asks.ts";
import type { Article } from "../decode.ts";
import { useLive } from "../live.ts";
import { dropAnswer, useLoad, type Load } from "../loads.ts";
import { go } from "../navigation.ts";
import { ArticleMeta } from "../parts/article-meta.tsx";
import { Comments } from "../parts/comments.tsx";
import { LoadFailure } from "../parts/error-messages.tsx";
import { FollowButton } from "../parts/follow-button.tsx";
import { loadMarkdown, Markdown } from "../parts/markdown.tsx";
import { LinesSkeleton, MetaSkeleton } from "../parts/skeletons.tsx";
import { Tags } from "../parts/tags.tsx";
import { to } from "../routes.ts";
import { session } from "../session.ts";
import { useTitle } from "../title.ts";
import { NotFoundPage } from "./not-found.tsx";

export function ArticlePage({ slug }: { readonly slug: string }) {
  // Beside the article's text, and not after it. Should it fail, the text is shown as it is.
  loadMarkdown().catch(() => {});
  const load = useLoad(asks.article(slug));
  const comments = useLoad(asks.comments(slug));
  const article = load.data.value;
  useTitle(article?.title ?? "");
  useLive([slug], ({ favoritesCount, lastCommentId }) => {
    if (!isFavoriteUnderWay(slug)) load.patch((found) => ({ ...found, favoritesCount }));
    // Comments come newest first.
    const shown = comments.data.peek();
    if (shown !== undefined && lastCommentId !== (shown[0]?.id ?? null)) comments.reload();
  });
  if (article === undefined) {
    if (load.error.value === undefined) return <ArticleSkeleton />;
    return (
      <div class="article-page">
        {load.error.value.status === 404 ? (
          <NotFoundPage what="article" />
        ) : (
          <div class="container page">
            <LoadFailure error={load.error.value} reload={load.reload} />
          </div>
        )}
      </div>
    );
  }
  return (
    <div class="article-page">
      <div class="banner">
        <div class="container">
          <h1 dir="auto">{article.title}</h1>
          <ArticleMeta article={article}>
            <Actions article={article} load={load} />
          </ArticleMeta>
        </div>
      </div>
      <div class="container page">
        <LoadFailure error={load.error.value} reload={load.reload} />
        <div class="row article-content">
          <div class="col-md-12">
            <Markdown text={article.body} />
            <Tags tags={article.tagList} />
          </div>
        </div>
        <hr />
        <div class="article-actions">
          <ArticleMeta article={article}>
            <Actions article={article} load={load} />
          </ArticleMeta>
        </div>
        <div class="row">
          <div class="col-xs-12 col-md-8 offset-md-2">
            <Comments slug={slug} load={comments} />
          </div>
        </div>
      </div>
    </div>
  );
}

interface ActionsProps {
  readonly article: Article;
  readonly load: Load<Article>;
}

/** What the visitor can do with the article: change it, if it is the own one. */
function Actions({ article, load }: ActionsProps) {
  if (session.user.value?.username === article.author.username) return <AuthorActions slug={article.slug} />;
  const { favorited, favoritesCount, author } = article;
  return (
    <span class="actions">
      <FollowButton
        profile={author}
        onFollowing={(following) => load.update((found) => ({ ...found, author: { ...found.author, following } }))}
      />{" "}
      <button
        type="button"
        class={`btn btn-sm ${favorited ? "btn-primary" : "btn-outline-primary"}`}
        onClick={(click) => toggleFavorite(click, article, (marks) => load.update((found) => ({ ...found, ...marks })))}
      >
        <i class="ion-heart" aria-hidden="true" /> {favorited ? "Unfavorite" : "Favorite"} Article{" "}
        <span class="counter">({favoritesCount})</span>
      </button>
    </span>
  );
}

function AuthorActions({ slug }: { readonly slug: string }) {
  const isShown = useRef(true);
  useEffect(
    () => () => {
      isShown.current = false;
    },
    [],
  );
  // Whoever has gone somewhere else meanwhile stays there.
  const done = (): void => {
    dropAnswer(asks.article(slug));
    dropAnswer(asks.comments(slug));
    if (isShown.current) go(to.home());
  };
  return (
    <span class="actions">
      <a class="btn btn-sm btn-outline-secondary" href={to.editor(slug)}>
        <i class="ion-edit" aria-hidden="true" /> Edit Article
      </a>{" "}
      <button type="button" class="btn btn-sm btn-outline-danger" onClick={(click) => deleteArticle(click, slug, done)}>
        <i class="ion-trash-a" aria-hidden="true" /> Delete Article
      </button>
    </span>
  );
}

function ArticleSkeleton() {
  return (
    <div class="article-page">
      <div class="banner">
        <div class="container">
          <span class="skeleton skeleton-title" />
          <MetaSkeleton />
        </div>
      </div>
      <div class="container page">
        <LinesSkeleton lines={8} label="Loading the article" />
      </div>
    </div>
  );
}
