/**
 * The texts of the demo, which stand in `seed-texts/` as Markdown.
 *
 * `themes/*.md` have three parts, with a line between them: the name with its tags, each with how many of a hundred
 * articles have it, and what articles begin with (title, description, first words); sections, of which an article has a few; and
 * comments, those with a phrase in brackets for an article in which the phrase stands. `articles/*.md` are whole articles.
 * `shared.md` has what fits any article. Headings in these files are one level above those in the articles.
 */
import { fileURLToPath } from "node:url";
import { readdir, readFile } from "lunet/fs";

const FOLDER = new URL("./seed-texts/", import.meta.url);

/** A remark that may stand under an article. */
export interface CommentText {
  readonly text: string;
  /** A phrase that has to stand in the article, or, for an answer, in what is answered. */
  readonly phrase?: string;
  /** The name of the person who alone may say it. */
  readonly by?: string;
}

/** How an article begins. */
export interface Opening {
  readonly title: string;
  readonly description: string;
  readonly text: string;
}

export interface Theme {
  readonly name: string;
  /** Each with how many of a hundred articles have it. The last that all have is the theme's own. */
  readonly tags: ReadonlyArray<{ readonly name: string; readonly percent: number }>;
  readonly openings: readonly Opening[];
  /** Markdown, each with its heading. */
  readonly sections: readonly string[];
  readonly comments: readonly CommentText[];
}

/** An article that is written from its beginning to its end. */
export interface WholeArticle extends Opening {
  readonly author: string;
  readonly tags: readonly string[];
  /** Its own, all of which are used. */
  readonly comments: readonly CommentText[];
}

/** What fits any article. `{tag}`, `{author}` and `{part}` stand for what they name. */
export interface SharedTexts {
  readonly comments: readonly CommentText[];
  readonly answers: readonly CommentText[];
  readonly lastWords: readonly string[];
  readonly sequelWords: readonly string[];
}

export interface SeedTexts {
  readonly themes: readonly Theme[];
  readonly articles: readonly WholeArticle[];
  readonly shared: SharedTexts;
}

/** Reads all texts, in the order of their files' names. */
export async function readTexts(): Promise<SeedTexts> {
  const read = async (path: string): Promise<string> =>
    Buffer.from(await readFile(fileURLToPath(new URL(path, FOLDER)))).toString("utf8");
  const readAll = async (folder: string): Promise<string[]> => {
    const texts: string[] = [];
    for (const { name } of await readdir(fileURLToPath(new URL(folder, FOLDER)))) texts.push(await read(folder + name));
    return texts;
  };
  return {
    themes: (await readAll("themes/")).map(parseTheme),
    articles: (await readAll("articles/")).map(parseArticle),
    shared: parseShared(await read("shared.md")),
  };
}

function parseTheme(text: string): Theme {
  const [head = "", sections = "", comments = ""] = parts(text);
  const [top = "", ...openings] = blocks(head);
  const tags = listItems(top).map((item) => {
    const [, name = "", percent = ""] = /^(\S+) (\d+)$/.exec(item) ?? [];
    return { name, percent: Number(percent) };
  });
  return {
    name: headingOf(top),
    tags,
    openings: openings.map(parseOpening),
    sections: blocks(sections),
    comments: listItems(comments).map(parseComment),
  };
}

function parseArticle(text: string): WholeArticle {
  const [, head = "", author = "", tags = "", rest = ""] =
    /^([^]*?)<!-- author: (.*?); tags: ?(.*?) -->\n([^]*)$/.exec(text) ?? [];
  const [body = "", comments = ""] = rest.split("\n<!-- comments -->\n");
  return {
    ...parseOpening(head),
    text: body.trim(),
    author,
    tags: tags === "" ? [] : tags.split(", "),
    comments: listItems(comments).map(parseComment),
  };
}

function parseShared(text: string): SharedTexts {
  const [comments = "", answers = "", lastWords = "", sequelWords = ""] = parts(text);
  return {
    comments: listItems(comments).map(parseComment),
    answers: listItems(answers).map(parseComment),
    lastWords: paragraphs(lastWords),
    sequelWords: paragraphs(sequelWords),
  };
}

/** A heading, a description in italics, and a text or none. */
function parseOpening(block: string): Opening {
  const [, title = "", description = "", text = ""] = /^#+ (.+)\n+_([^]+?)_\n([^]*)$/.exec(block) ?? [];
  return { title, description, text: text.trim() };
}

function parseComment(item: string): CommentText {
  const [, by, phrase, text = item] = /^\((?:by ([^)]+)|([^)]+))\) (.*)$/s.exec(item) ?? [];
  return { text, ...(by !== undefined && { by }), ...(phrase !== undefined && { phrase }) };
}

/** What stands between lines of three hyphens. */
function parts(text: string): string[] {
  return text.split(/\n---\n/).map((part) => part.trim());
}

/** A text cut before each heading of the second level, without what looks like one in a block of code. */
function blocks(text: string): string[] {
  const found: string[][] = [[]];
  let isCode = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) isCode = !isCode;
    if (!isCode && line.startsWith("## ")) found.push([]);
    found.at(-1)?.push(line);
  }
  return found.map((lines) => lines.join("\n").trim()).filter((block) => block !== "");
}

function listItems(text: string): string[] {
  return text.split("\n").flatMap((line) => (line.startsWith("- ") ? [line.slice(2)] : []));
}

function paragraphs(text: string): string[] {
  return text.split("\n\n").map((paragraph) => paragraph.trim());
}

function headingOf(text: string): string {
  return /^# (.+)$/m.exec(text)?.[1] ?? "";
}
