import type { ComponentChildren } from "preact";
import type { Article } from "../decode.ts";
import { to } from "../routes.ts";
import { Avatar } from "./avatar.tsx";
import { RelativeTime } from "./relative-time.tsx";

interface ArticleMetaProps {
  readonly article: Article;
  /** What can be done with the article. */
  readonly children: ComponentChildren;
}

/** Who wrote an article, and when. */
export function ArticleMeta({ article: { author, createdAt }, children }: ArticleMetaProps) {
  const profile = to.profile(author.username);
  return (
    <div class="article-meta">
      <a href={profile} tabIndex={-1} aria-hidden="true">
        <Avatar image={author.image} size={32} />
      </a>
      <div class="info">
        <a class="author" href={profile} dir="auto">
          {author.username}
        </a>
        <RelativeTime time={createdAt} />
      </div>
      {children}
    </div>
  );
}
