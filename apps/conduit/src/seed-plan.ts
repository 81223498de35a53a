/**
 * What the demo has, made of the texts by a seed: the same seed, the same demo. Nothing here knows a database or a clock: times
 * are ages, in milliseconds before the demo was made.
 */
import { drawAvatar, PEOPLE, type Person } from "./seed-people.ts";
import { Random } from "./seed-random.ts";
import type { CommentText, Opening, SeedTexts, Theme, WholeArticle } from "./seed-texts.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The newest article, the oldest, and how much more there is of what is new: 1 would be evenly. */
const NEWEST_MS = 4 * MINUTE_MS;
const OLDEST_MS = 730 * DAY_MS;
const RECENCY = 2.5;

export interface PlannedUser extends Pick<Person, "username" | "email" | "bio"> {
  readonly image: string | null;
  readonly ageMs: number;
  /** Places in the list of users. */
  readonly follows: readonly number[];
}

export interface PlannedComment {
  readonly author: number;
  readonly body: string;
  readonly ageMs: number;
}

export interface PlannedArticle {
  readonly author: number;
  readonly title: string;
  readonly description: string;
  readonly body: string;
  readonly tags: readonly string[];
  readonly ageMs: number;
  /** At most `ageMs`. */
  readonly updatedAgeMs: number;
  readonly favoritedBy: readonly number[];
  /** The oldest first; none is older than the article. */
  readonly comments: readonly PlannedComment[];
}

export interface SeedPlan {
  readonly users: readonly PlannedUser[];
  /** The oldest first, made one after the other as they are asked for. */
  articles(): Generator<PlannedArticle, void>;
}

/** An article before anybody has read it. */
type Draft = Pick<PlannedArticle, "author" | "title" | "description" | "body" | "tags"> & {
  readonly ownComments: readonly CommentText[];
};

/**
 * Plans a demo.
 *
 * @param seed From 0 to 4294967295.
 * @param articleCount How many articles. There are as many different ones as the texts have; from then on they go on in parts.
 */
export function planSeed(texts: SeedTexts, seed: number, articleCount: number): SeedPlan {
  const random = new Random(seed);
  const users = planUsers(random);
  return {
    users,
    articles: function* () {
      // A source of their own: they are the same each time.
      const source = new Random(seed + 1);
      const readers = new Readers(texts, source);
      const drafts = draftArticles(texts, source);
      for (let index = articleCount - 1; index >= 0; index--) {
        const draft = drafts.next().value;
        yield readers.read(draft, ageOf(index, articleCount, source));
      }
    },
  };
}

function planUsers(random: Random): PlannedUser[] {
  return PEOPLE.map((person, index) => {
    const others = random.shuffled(PEOPLE.map((_, place) => place).filter((place) => place !== index));
    return {
      username: person.username,
      email: person.email,
      bio: person.bio,
      image: person.hasImage ? drawAvatar(random) : null,
      ageMs: OLDEST_MS + (1 + random.below(60)) * DAY_MS,
      follows: others.slice(0, person.follows).toSorted((a, b) => a - b),
    };
  });
}

/** The age of the article with so many newer ones. */
function ageOf(newer: number, articleCount: number, random: Random): number {
  if (newer === 0) return NEWEST_MS;
  if (newer === articleCount - 1) return OLDEST_MS;
  // Less than half a step to either side, so that the order stays.
  const place = (newer + 0.8 * (random.next() - 0.5)) / (articleCount - 1);
  return NEWEST_MS + Math.floor((OLDEST_MS - NEWEST_MS) * place ** RECENCY);
}

/** Articles without end: each opening and each whole article once, and then the openings again and again, as parts. */
function* draftArticles(texts: SeedTexts, random: Random): Generator<Draft, never> {
  const openings = texts.themes.flatMap((theme) => theme.openings.map((opening) => ({ theme, opening })));
  for (const one of random.shuffled([...openings, ...texts.articles])) {
    yield "theme" in one ? composeArticle(texts, one.theme, one.opening, 1, random) : draftWhole(one);
  }
  for (let part = 2; ; part++) {
    for (const { theme, opening } of random.shuffled(openings)) {
      yield composeArticle(texts, theme, opening, part, random);
    }
  }
}

function draftWhole(article: WholeArticle): Draft {
  const { title, description, text, tags } = article;
  const author = PEOPLE.findIndex(({ username }) => username === article.author);
  return { author, title, description, body: text, tags, ownComments: article.comments };
}

/** An opening, some sections of its theme and, often, last words. */
function composeArticle(texts: SeedTexts, theme: Theme, opening: Opening, part: number, random: Random): Draft {
  const writers = PEOPLE.flatMap((person, place) => (person.themes.includes(theme.name) ? [place] : []));
  const author = random.pick(writers);
  const tags = theme.tags.filter(({ percent }) => random.chance(percent / 100)).map(({ name }) => name);
  const words: Readonly<Record<string, string>> = {
    tag: theme.tags.findLast(({ percent }) => percent === 100)?.name ?? "",
    author: encodeURIComponent(PEOPLE[author]?.username ?? ""),
    part: String(part),
  };
  const fill = (text: string): string => text.replaceAll(/\{(\w+)\}/g, (_, name: string) => words[name] ?? "");
  const { sequelWords, lastWords } = texts.shared;
  const body = [
    ...(part === 1 ? [] : [fill(random.pick(sequelWords))]),
    opening.text,
    ...random.shuffled(theme.sections).slice(0, 2 + random.below(3)),
    ...(random.chance(0.5) ? [fill(random.pick(lastWords))] : []),
  ];
  return {
    author,
    title: part === 1 ? opening.title : `${opening.title}, part ${part}`,
    description: opening.description,
    body: body.join("\n\n"),
    tags,
    ownComments: theme.comments,
  };
}

/** How an article is received. */
class Readers {
  readonly #texts: SeedTexts;
  readonly #random: Random;

  constructor(texts: SeedTexts, random: Random) {
    this.#texts = texts;
    this.#random = random;
  }

  read(draft: Draft, ageMs: number): PlannedArticle {
    const random = this.#random;
    const { ownComments, ...article } = draft;
    // Few are read by all, and many by few.
    const popularity = random.next() ** 1.5;
    const favoritedBy = PEOPLE.flatMap(({ eagerness }, place) =>
      place !== article.author && random.chance(popularity * eagerness) ? [place] : [],
    );
    const comments = this.#discuss(article, ownComments, popularity, ageMs);
    const updatedAgeMs = random.chance(0.15) ? Math.floor(ageMs * random.next()) : ageMs;
    return { ...article, ageMs, updatedAgeMs, favoritedBy, comments };
  }

  #discuss(article: Omit<Draft, "ownComments">, own: readonly CommentText[], popularity: number, ageMs: number) {
    const random = this.#random;
    const { comments: general, answers } = this.#texts.shared;
    const text = `${article.title}\n${article.description}\n${article.body}`;
    const fitting = own.filter(({ phrase }) => phrase === undefined || text.includes(phrase));
    // More of their own than any theme has: a discussion that belongs to the article, and is there as a whole.
    const isOwn = own.some(({ phrase }) => phrase === undefined);
    const count = Math.floor(popularity * 9 * random.next());
    const remarks = [
      ...(isOwn ? fitting : random.shuffled(fitting).slice(0, Math.ceil(count / 2))),
      ...random.shuffled(general).slice(0, Math.floor(count / 2)),
    ];
    const ages = remarks.map(() => Math.floor(ageMs * (1 - random.next() ** 3))).toSorted((a, b) => b - a);
    const freshAnswers = random
      .shuffled(answers)
      .toSorted((a, b) => Number(b.phrase !== undefined) - Number(a.phrase !== undefined));
    return remarks.flatMap((remark, index): PlannedComment[] => {
      const said = ages[index] as number;
      const comment = { author: this.#speaker(remark, article.author), body: remark.text, ageMs: said };
      const answer = random.chance(0.2) ? takeAnswer(freshAnswers, remark) : undefined;
      if (answer === undefined) return [comment];
      // Before the next one speaks.
      const wait = Math.floor((said - (ages[index + 1] ?? 0)) * random.next());
      return [comment, { author: article.author, body: answer.text, ageMs: said - wait }];
    });
  }

  /** Who says it: anybody but the author, or the one who alone would. */
  #speaker({ by }: CommentText, author: number): number {
    const named = PEOPLE.findIndex(({ username }) => username === by);
    if (named !== -1) return named;
    const place = this.#random.below(PEOPLE.length - 1);
    return place < author ? place : place + 1;
  }
}

/** Takes the first answer that fits out of those that have not been given: one to a question, if it is one. */
function takeAnswer(answers: CommentText[], { text }: CommentText): CommentText | undefined {
  const index = answers.findIndex(({ phrase }) => phrase === undefined || text.includes(phrase));
  return index === -1 ? undefined : answers.splice(index, 1)[0];
}
