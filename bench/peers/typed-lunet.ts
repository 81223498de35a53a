/** Lunet: its router, TypeBox's compiled checks, and JSON. */
import { run } from "lunet";
import { json, Router, serve } from "lunet/http";
import { waitSignal } from "lunet/signal";
import { Compile } from "typebox/compile";
import { answer, Content, draftOf, Params, PATH } from "./typed.ts";

const params = Compile(Params);
const content = Compile(Content);
const router = new Router();
router.route("POST", PATH, async (request) => {
  const draft = draftOf(request.query("draft"));
  const path: unknown = request.params;
  const given = await request.json();
  if (draft === undefined || !params.Check(path) || !content.Check(given)) {
    return json({ error: "invalid" }, { status: 400 });
  }
  return json(answer(path, draft, given), { status: 201 });
});
await run(async () => {
  await using server = await serve(router);
  console.log(server.url);
  await waitSignal("TERM");
});
