/** A page of a list of articles: what is loading, what is there, and the way to the other pages. */
import type { ComponentChildren } from "preact";
import { isFavoriteUnderWay, toggleFavorite, type Marks } from "../actions.ts";
import type { Article, ArticlePage } from "../decode.ts";
import { useLive } from "../live.ts";
import type { Load } from "../loads.ts";
import { to } from "../routes.ts";
import { ArticleMeta } from "./article-meta.tsx";
import { LoadFailure } from "./error-messages.tsx";
import { Pagination } from "./pagination.tsx";
import { ArticleListSkeleton } from "./skeletons.tsx";
import { Tags } from "./tags.tsx";

interface ArticleListProps {
  readonly load: Load<ArticlePage>;
  readonly page: number;
  readonly hrefOf: (page: number) => string;
  /** What is said of a list without articles. */
  readonly empty: ComponentChildren;
}

export function ArticleList({ load, page, hrefOf, empty }: ArticleListProps) {
  const data = load.data.value;
  const marked =
    (slug: string, marks: Partial<Marks>) =>
    (found: ArticlePage): ArticlePage => ({
      ...found,
      articles: found.articles.map((article) => (article.slug === slug ? { ...article, ...marks } : article)),
    });
  useLive(data?.articles.map(({ slug }) => slug) ?? [], ({ slug, favoritesCount }) => {
    if (!isFavoriteUnderWay(slug)) load.patch(marked(slug, { favoritesCount }));
  });
  if (data === undefined) {
    return load.error.value === undefined ? (
      <ArticleListSkeleton />
    ) : (
      <div class="empty-feed-message">
        <LoadFailure error={load.error.value} reload={load.reload} />
      </div>
    );
  }
  return (
    <>
      <LoadFailure error={load.error.value} reload={load.reload} />
      {data.articles.map((article) => (
        <ArticlePreview
          key={article.slug}
          article={article}
          onMarks={(marks) => load.update(marked(article.slug, marks))}
        />
      ))}
      {data.articles.length === 0 && (
        <div class="empty-feed-message">
          {data.articlesCount === 0 || page === 1 ? (
            empty
          ) : (
            <>
              There is no page {page}. <a href={hrefOf(1)}>To the first page</a>
            </>
          )}
        </div>
      )}
      <Pagination count={data.articlesCount} page={page} hrefOf={hrefOf} />
    </>
  );
}

interface ArticlePreviewProps {
  readonly article: Article;
  readonly onMarks: (marks: Marks) => void;
}

function ArticlePreview({ article, onMarks }: ArticlePreviewProps) {
  const { slug, title, description, tagList, favorited, favoritesCount } = article;
  return (
    <article class="article-preview">
      <ArticleMeta article={article}>
        <button
          type="button"
          class={`btn btn-sm ${favorited ? "btn-primary" : "btn-outline-primary"} pull-xs-right`}
          aria-pressed={favorited}
          aria-label={`Favourite “${title}”, ${favoritesCount}`}
          onClick={(click) => toggleFavorite(click, article, onMarks)}
        >
          <i class="ion-heart" aria-hidden="true" /> {favoritesCount}
        </button>
      </ArticleMeta>
      <a class="preview-link" href={to.article(slug)}>
        <h1 dir="auto">{title}</h1>
        <p dir="auto">{description}</p>
        <span>Read more...</span>
      </a>
      <Tags tags={tagList} />
    </article>
  );
}
