/** Express has no schemas: its JSON reader, and TypeBox's compiled checks by hand. */
import type { AddressInfo } from "node:net";
import express, { type ErrorRequestHandler } from "express";
import { Compile } from "typebox/compile";
import { answer, Content, draftOf, Params, PATH } from "./typed.ts";

const params = Compile(Params);
const content = Compile(Content);
const app = express();
app.disable("x-powered-by");
app.set("etag", false);
app.use(express.json());
app.post(PATH, (request, response) => {
  const { draft: given } = request.query;
  const draft = given === undefined || typeof given === "string" ? draftOf(given) : undefined;
  const { params: path, body } = request as { params: unknown; body: unknown };
  if (draft === undefined || !params.Check(path) || !content.Check(body)) {
    response.status(400).json({ error: "invalid" });
    return;
  }
  response.status(201).json(answer(path, draft, body));
});
// Express would print what clients do wrong.
const refuse: ErrorRequestHandler = (_error, _request, response, _next) => {
  response.status(400).json({ error: "invalid" });
};
app.use(refuse);
const server = app.listen(0, "127.0.0.1", () =>
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.on("SIGTERM", () => process.exit(0));
