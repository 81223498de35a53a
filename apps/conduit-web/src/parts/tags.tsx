import { to } from "../routes.ts";

/** The tags of an article, as links. */
export function Tags({ tags }: { readonly tags: readonly string[] }) {
  if (tags.length === 0) return null;
  return (
    <ul class="tag-list" aria-label="Tags">
      {tags.map((tag) => (
        <li key={tag}>
          <TagLink class="tag-default tag-pill tag-outline" tag={tag} />
        </li>
      ))}
    </ul>
  );
}

/** A tag that leads to its articles. One of dots alone would be a step in a path, which no address can name. */
export function TagLink({ class: name, tag }: { readonly class: string; readonly tag: string }) {
  const isStep = tag === "." || tag === "..";
  return isStep ? (
    <span class={name} dir="auto">
      {tag}
    </span>
  ) : (
    <a class={name} href={to.tag(tag)} dir="auto">
      {tag}
    </a>
  );
}
