/** Fastify as its users write it: parameters, query and content are validated, the reply is serialized by its schema. */
import Fastify from "fastify";
import { type Static, Type } from "typebox";
import { answer, CommentReply, Content, Params, PATH } from "./typed.ts";

const Query = Type.Object({ draft: Type.Boolean({ default: false }) });
const server = Fastify();
server.post<{ Params: Static<typeof Params>; Querystring: Static<typeof Query>; Body: Static<typeof Content> }>(
  PATH,
  { schema: { params: Params, querystring: Query, body: Content, response: { 201: CommentReply } } },
  async ({ params, query, body }, reply) => {
    reply.code(201);
    return answer(params, query.draft, body);
  },
);
console.log(await server.listen({ host: "127.0.0.1", port: 0 }));
process.on("SIGTERM", () => process.exit(0));
