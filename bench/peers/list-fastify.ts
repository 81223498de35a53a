/** Fastify as its users write it: the query is validated, and the answer is serialized by a compiled schema. */
import Fastify from "fastify";
import { openArticleList } from "./article-list.ts";

const text = { type: "string" } as const;
const textOrNull = { type: ["string", "null"] } as const;
const author = {
  type: "object",
  properties: { username: text, bio: textOrNull, image: textOrNull, following: { type: "boolean" } },
} as const;
const article = {
  type: "object",
  properties: {
    slug: text,
    title: text,
    description: text,
    tagList: { type: "array", items: text },
    createdAt: text,
    updatedAt: text,
    favorited: { type: "boolean" },
    favoritesCount: { type: "integer" },
    author,
  },
} as const;
const schema = {
  querystring: {
    type: "object",
    properties: {
      limit: { type: "integer", minimum: 0, default: 20 },
      offset: { type: "integer", minimum: 0, default: 0 },
    },
  },
  response: {
    200: {
      type: "object",
      properties: { articles: { type: "array", items: article }, articlesCount: { type: "integer" } },
    },
  },
} as const;

const list = openArticleList();
const server = Fastify();
server.get<{ Querystring: { limit: number; offset: number } }>("/api/articles", { schema }, async (request, reply) => {
  reply.header("access-control-allow-origin", "*");
  return list(Math.min(request.query.limit, 100), request.query.offset);
});
console.log(await server.listen({ host: "127.0.0.1", port: 0 }));
process.on("SIGTERM", () => process.exit(0));
