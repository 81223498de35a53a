/** Hono with its validator, which leaves the check to a function: TypeBox's compiled one. */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { validator } from "hono/validator";
import { Compile } from "typebox/compile";
import { answer, Content, draftOf, Params, PATH } from "./typed.ts";

const params = Compile(Params);
const content = Compile(Content);
const app = new Hono();
app.post(
  PATH,
  validator("param", (value, context) => (params.Check(value) ? value : context.json({ error: "slug" }, 400))),
  validator("query", (value, context) => {
    const draft = draftOf(value["draft"] as string | undefined);
    return draft === undefined ? context.json({ error: "draft" }, 400) : { draft };
  }),
  validator("json", (value, context) => (content.Check(value) ? value : context.json({ error: "content" }, 400))),
  (context) => {
    const { draft } = context.req.valid("query");
    const reply = answer(context.req.valid("param"), draft, context.req.valid("json"));
    return context.json(reply, 201, { "Content-Type": "application/json; charset=utf-8" });
  },
);
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`));
process.on("SIGTERM", () => process.exit(0));
