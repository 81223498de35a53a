import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NewArticle } from "./articles.ts";
import { NewComment } from "./comments.ts";
import { settings } from "./configuration.ts";
import { NewUser, UserUpdate } from "./users.ts";

const text = readFileSync(new URL("../../../docs/conduit.md", import.meta.url), "utf8");

function maxOf(schema: object): number | undefined {
  const { maxLength, maxItems } = schema as { readonly maxLength?: number; readonly maxItems?: number };
  return maxLength ?? maxItems;
}

/** The cells of the table that has this heading, without its first two rows. */
function table(heading: string): string[][] {
  const section = text.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test("the table of settings is the table of the code", () => {
  const code = (name: string | undefined): string => (name === undefined || name === "" ? "" : `\`${name}\``);
  const expected = Object.values(settings).map(({ flag, variable, default: value, meaning }) => [
    code(flag && `--${flag}`),
    code(variable),
    code(value),
    meaning,
  ]);
  assert.deepEqual(table("Settings"), expected);
});

test("the table of limits has the limits of the schemas", () => {
  const rows = new Map(table("Limits of fields").map(([field, limit]) => [field?.replaceAll("`", ""), limit]));
  const user = UserUpdate.properties.user.properties;
  const article = NewArticle.properties.article.properties;
  const limits = {
    username: `1 to ${maxOf(NewUser.properties.user.properties.username)}`,
    email: `1 to ${maxOf(NewUser.properties.user.properties.email)}`,
    bio: String(maxOf(user.bio.anyOf[0])),
    image: String(maxOf(user.image.anyOf[0])),
    title: `1 to ${maxOf(article.title)}`,
    description: `1 to ${maxOf(article.description)}`,
    "body of an article": `1 to ${maxOf(article.body)}`,
    tagList: `${maxOf(article.tagList)} tags of 1 to ${maxOf(article.tagList.items)}`,
    "body of a comment": `1 to ${maxOf(NewComment.properties.comment.properties.body)}`,
  };
  for (const [field, limit] of Object.entries(limits)) assert.equal(rows.get(field), limit, field);
});
