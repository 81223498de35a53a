/** Lunet as its users write it: one declaration, by which everything is checked and the reply is serialized. */
import { run } from "lunet";
import { serve } from "lunet/http";
import { Api, route } from "lunet/http/routes";
import { waitSignal } from "lunet/signal";
import { Type } from "typebox";
import { answer, CommentReply, Content, Params, PATH } from "./typed.ts";

const addComment = route({
  method: "POST",
  path: PATH,
  params: Params.properties,
  query: Type.Object({ draft: Type.Boolean({ default: false }) }),
  content: Content,
  replies: { 201: CommentReply },
});
const api = new Api().handle(addComment, ({ params, query, content, reply }) =>
  reply(201, answer(params, query.draft, content)),
);
await run(async () => {
  await using server = await serve(api);
  console.log(server.url);
  await waitSignal("TERM");
});
