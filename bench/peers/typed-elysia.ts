/** Elysia on Bun as its users write it: everything by its own schemas, which it compiles. */
import { Elysia, t } from "elysia";
import { answer, PATH } from "./typed.ts";

const app = new Elysia()
  .headers({ "Content-Type": "application/json; charset=utf-8" })
  .post(
    PATH,
    ({ params, query, body, set }) => {
      set.status = 201;
      return answer(params, query.draft, body);
    },
    {
      params: t.Object({ slug: t.String({ minLength: 1, maxLength: 255 }) }),
      query: t.Object({ draft: t.Boolean({ default: false }) }),
      body: t.Object({
        comment: t.Object({
          body: t.String({ minLength: 1, maxLength: 10_000 }),
          tags: t.Array(t.String({ minLength: 1, maxLength: 64 }), { maxItems: 10 }),
        }),
      }),
      response: {
        201: t.Object({
          comment: t.Object({
            id: t.Integer(),
            slug: t.String(),
            draft: t.Boolean(),
            body: t.String(),
            tags: t.Array(t.String()),
            createdAt: t.String(),
            author: t.Object({ username: t.String(), image: t.Nullable(t.String()) }),
          }),
        }),
      },
    },
  )
  .listen({ hostname: "127.0.0.1", port: 0 });
console.log(`http://127.0.0.1:${app.server?.port}`);
process.on("SIGTERM", () => process.exit(0));
