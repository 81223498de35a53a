/**
 * The typed route that every server of this contest has: `POST /articles/:slug/comments?draft=false` takes JSON, refuses
 * what does not match, and answers with JSON. The schemas are JSON Schema, for whoever takes them as such.
 */
import { Type, type Static } from "typebox";

export const PATH = "/articles/:slug/comments";

export const Params = Type.Object({ slug: Type.String({ minLength: 1, maxLength: 255 }) });

export const Content = Type.Object({
  comment: Type.Object({
    body: Type.String({ minLength: 1, maxLength: 10_000 }),
    tags: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 10 }),
  }),
});

export const CommentReply = Type.Object({
  comment: Type.Object({
    id: Type.Integer(),
    slug: Type.String(),
    draft: Type.Boolean(),
    body: Type.String(),
    tags: Type.Array(Type.String()),
    createdAt: Type.String(),
    author: Type.Object({ username: Type.String(), image: Type.Union([Type.String(), Type.Null()]) }),
  }),
});

/** What the handler does when everything is checked: nothing that takes time. */
export function answer(
  { slug }: Static<typeof Params>,
  draft: boolean,
  { comment: { body, tags } }: Static<typeof Content>,
): Static<typeof CommentReply> {
  return {
    comment: {
      id: 7,
      slug,
      draft,
      body,
      tags,
      createdAt: "2026-01-01T00:00:00.000Z",
      author: { username: "jake", image: null },
    },
  };
}

/** `draft` of a query, for whoever looks at it by hand; `undefined` for what is no boolean. */
export function draftOf(value: string | undefined): boolean | undefined {
  if (value === undefined || value === "false") return false;
  return value === "true" ? true : undefined;
}
