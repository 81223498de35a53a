/** What stands where something is about to be, as high as it will be, so that nothing jumps. */

export function ArticleListSkeleton() {
  return (
    <div class="article-list-skeleton" aria-busy="true" aria-label="Loading articles" role="status">
      {Array.from({ length: 5 }, (_, index) => (
        <div key={index} class="article-skeleton" aria-hidden="true">
          <MetaSkeleton />
          <span class="skeleton skeleton-title" />
          <span class="skeleton skeleton-line" />
        </div>
      ))}
    </div>
  );
}

/** Who wrote an article, and when. */
export function MetaSkeleton() {
  return (
    <div class="article-meta">
      <span class="skeleton skeleton-circle" />
      <span class="info">
        <span class="skeleton skeleton-line" />
        <span class="skeleton skeleton-line" />
      </span>
    </div>
  );
}

export function LinesSkeleton({ lines, label }: { readonly lines: number; readonly label: string }) {
  return (
    <div class="lines-skeleton" aria-busy="true" aria-label={label} role="status">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="skeleton skeleton-line" aria-hidden="true" />
      ))}
    </div>
  );
}

export function FormSkeleton() {
  return (
    <div class="container page">
      <div class="row">
        <div class="col-md-6 offset-md-3 col-xs-12">
          <LinesSkeleton lines={6} label="Loading" />
        </div>
      </div>
    </div>
  );
}
