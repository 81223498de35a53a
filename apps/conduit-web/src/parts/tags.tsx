import { to } from "../routes.ts";

/** The tags of an article, as links. */
export function Tags({ tags }: { readonly tags: readonly string[] }) {
  if (tags.length === 0) return null;
  return (
    <ul class="tag-list" aria-label="Tags">
      {tags.map((tag) => (
        <li key={tag}>
          <a class="tag-default tag-pill tag-outline" href={to.tag(tag)}>
            <bdi>{tag}</bdi>
          </a>
        </li>
      ))}
    </ul>
  );
}
