import { to } from "../routes.ts";
import { useTitle } from "../title.ts";

/** What stands where nothing is. */
export function NotFoundPage({ what }: { readonly what: "page" | "article" | "profile" }) {
  useTitle("Not found");
  return (
    <div class="not-found-page">
      <div class="container page">
        <h1>Not found</h1>
        <p>There is no such {what}. It may have been renamed or deleted.</p>
        <p>
          <a href={to.home()}>To the newest articles</a>
        </p>
      </div>
    </div>
  );
}
