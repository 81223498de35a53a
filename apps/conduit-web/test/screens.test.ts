/**
 * Every page and its main states, light, dark and on a phone: a picture of each for a person to look at, in
 * `.tmp/screenshots/YYYYMMDD_HHMMSS/`, and what axe-core (WCAG 2.2 and good practice) finds serious or critical: nothing.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { createStampedFolder } from "../../../tools/log-folder.ts";
import { PHONE, uiForFile, type Visit } from "./harness.ts";
import { answer, apiPath, button, comments, errors, fill, previews } from "./parts.ts";
import { counted, drawn, seen } from "./waits.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const folder = createStampedFolder(join(root, ".tmp", "screenshots"));
console.log(`screenshots: ${relative(root, folder)}`);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const ui = await uiForFile();
const { conduit } = ui;

const BODY = `A river is **not** a line on a map. It is what the map leaves out: water, and time.

## What it carries

1. stones, by rolling them
2. sand, in leaps
3. silt, for *hundreds* of kilometres

> Who steps into the same river twice has not looked.

\`\`\`ts
const delta = sediment.filter((grain) => grain.size < 0.06);
\`\`\`

| River | Length | Mouth |
|-------|-------:|-------|
| Rhine | 1,233 km | North Sea |
| Danube | 2,850 km | Black Sea |

More about it in [the next one](/article/two), or under \`deltas\`.
`;
const people = await Promise.all(
  ["Ada Brook", "Ben Weir", "Carla Ford"].map(async (username) => await conduit.register({ username })),
);
const [ada, ben, carla] = people as [(typeof people)[number], (typeof people)[number], (typeof people)[number]];
const TITLES = [
  "How rivers find the sea",
  "A short history of bridges",
  "Ferries, and those who wait for them",
  "שלום לנהר",
  "Why mills stand where they stand",
  "The year without a flood, and what came after it in the valleys below the dam",
  "Donaudampfschifffahrtsgesellschaftskapitän",
  "Otters",
  "Nine kinds of mud",
  "What the ice leaves",
  "Salmon ladders",
  "Locks and how they work",
];
const TAGS = ["water", "history", "engineering", "animals", "slow travel", "maps"];
for (const [index, title] of TITLES.entries()) {
  const tagList = TAGS.filter((_, tag) => (index + tag) % 3 === 0);
  const description = "What one sees from the bank, and what stands in books about it";
  const { slug } = await conduit.publish(people[index % 3]!, { title, description, body: BODY, tagList });
  for (const reader of people.slice(0, index % 4)) {
    await conduit.request("POST", `/api/articles/${encodeURIComponent(slug)}/favorite`, { token: reader.token });
  }
}
const SLUG = "nine-kinds-of-mud";
for (const [reader, body] of [
  [ada, "I count ten."],
  [ben, "The tenth is the one on my boots.\nIt does not come off."],
] as const) {
  const json = { comment: { body } };
  await conduit.request("POST", `/api/articles/${SLUG}/comments`, { token: reader.token, json });
}
await conduit.request("POST", "/api/profiles/Carla%20Ford/follow", { token: ada.token });
const bio = "Walks along rivers.\nWrites about what she finds there.";
await conduit.request("PUT", "/api/user", { token: carla.token, json: { user: { bio } } });

/** A page or a state of one: how to get there, and what is there then. */
interface Screen {
  readonly name: string;
  readonly path: string;
  readonly isSignedIn?: boolean;
  /** Said of it on the console, and no fault. */
  readonly allow?: RegExp;
  readonly before?: (page: Page) => Promise<void>;
  readonly ready: (page: Page) => Promise<void>;
}

const hasList = async (page: Page): Promise<void> => await seen(previews(page));
const SCREENS: readonly Screen[] = [
  {
    name: "home",
    path: "/",
    ready: async (page) => {
      await counted(previews(page), 10);
      await seen(page.locator(".sidebar .tag-default"));
    },
  },
  { name: "feed", path: "/?feed=following", isSignedIn: true, ready: hasList },
  {
    name: "feed-empty",
    path: "/tag/nothing",
    ready: async (page) => await seen(page.locator(".empty-feed-message")),
  },
  { name: "tag", path: "/tag/water", ready: hasList },
  {
    name: "loading",
    path: "/",
    before: async (page) => {
      await page.route(apiPath(/./), () => {});
    },
    ready: async (page) => await seen(page.locator("[aria-busy=true]")),
  },
  {
    name: "server-away",
    path: "/",
    isSignedIn: true,
    allow: / 503 /,
    before: async (page) => {
      await page.route(apiPath(/./), async (route) => await answer(route, 503, ""));
    },
    ready: async (page) => await seen(page.getByText(/Unable to connect|Connecting/)),
  },
  {
    name: "article",
    path: `/article/${SLUG}`,
    ready: async (page) => {
      await seen(page.locator(".article-content table"));
      await counted(comments(page), 2);
    },
  },
  {
    name: "article-signed-in",
    path: `/article/${SLUG}`,
    isSignedIn: true,
    ready: async (page) => {
      await seen(page.locator(".article-content table"));
      await counted(comments(page), 2);
      await page.getByPlaceholder("Write a comment...").fill("One more, then");
    },
  },
  {
    name: "article-own",
    path: "/article/how-rivers-find-the-sea",
    isSignedIn: true,
    ready: async (page) => await seen(button(page, "Delete Article")),
  },
  {
    name: "article-right-to-left",
    path: `/article/${encodeURIComponent("שלום-לנהר")}`,
    ready: async (page) => await seen(page.locator(".article-content p")),
  },
  { name: "profile", path: "/profile/Carla%20Ford", isSignedIn: true, ready: hasList },
  { name: "login", path: "/login", ready: async (page) => await seen(page.locator("[name=email]")) },
  {
    name: "register-refused",
    path: "/register",
    allow: / 422 | 409 /,
    ready: async (page) => {
      await fill(page, { username: "Ada Brook", email: "no address", password: "short" });
      await button(page, "Sign up").click();
      await seen(errors(page));
    },
  },
  {
    name: "settings",
    path: "/settings",
    isSignedIn: true,
    ready: async (page) => await seen(page.locator("[name=bio]")),
  },
  {
    name: "editor",
    path: "/editor/how-rivers-find-the-sea",
    isSignedIn: true,
    ready: async (page) => await seen(page.locator(".tag-list .tag-pill")),
  },
  {
    name: "editor-preview",
    path: "/editor/how-rivers-find-the-sea",
    isSignedIn: true,
    ready: async (page) => {
      await seen(page.locator(".tag-list .tag-pill"));
      await page.getByText("Preview", { exact: true }).first().click();
      await seen(page.locator(".editor-preview table"));
    },
  },
  {
    name: "not-found",
    path: "/no/such/page",
    allow: / 404 /,
    ready: async (page) => await seen(page.getByText(/not found|no such|does not exist|cannot be found/i)),
  },
];

/** How a page is looked at. With `rules`, by those alone that may find something else than in the light. */
const MODES: ReadonlyArray<readonly [name: string, options: BrowserContextOptions, rules?: readonly string[]]> = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }, ["color-contrast", "link-in-text-block"]],
  [
    "phone",
    { colorScheme: "light", viewport: PHONE, isMobile: true, hasTouch: true },
    ["target-size", "scrollable-region-focusable", "meta-viewport", "css-orientation-lock", "bypass"],
  ],
];

/** What axe finds, by rule, with the places. */
async function findings(page: Page, rules: readonly string[] | undefined): Promise<string[]> {
  interface Violation {
    readonly id: string;
    readonly impact: string | null;
    readonly help: string;
    readonly nodes: ReadonlyArray<{ readonly target: readonly string[]; readonly failureSummary?: string }>;
  }
  await page.evaluate(axe);
  const violations = await page.evaluate(async (values) => {
    const { axe: engine } = window as unknown as {
      axe: { run(options: object): Promise<{ violations: Violation[] }> };
    };
    const runOnly = values === undefined ? {} : { runOnly: { type: "rule", values } };
    return (await engine.run({ resultTypes: ["violations"], ...runOnly })).violations;
  }, rules);
  return violations.flatMap(({ id, impact, help, nodes }) => {
    const places = nodes.map(({ target, failureSummary = "" }) => `${target.join(" ")} ${failureSummary}`);
    const text = `${impact} ${id}: ${help}: ${places.join(" | ").replaceAll(/\s+/g, " ")}`;
    if (impact === "serious" || impact === "critical") return [text];
    console.log(`  axe, less than serious, at ${page.url()}: ${text.slice(0, 300)}`);
    return [];
  });
}

async function show(
  { page, allow }: Visit,
  screen: Screen,
  [mode, , rules]: (typeof MODES)[number],
): Promise<string[]> {
  if (screen.allow !== undefined) allow(screen.allow);
  await screen.before?.(page);
  await page.goto(screen.path);
  await screen.ready(page);
  await drawn(page);
  await page.screenshot({ path: join(folder, `${mode}-${screen.name}.png`), fullPage: true, animations: "disabled" });
  const found = await findings(page, rules);
  await page.unrouteAll();
  return found.map((finding) => `${mode}, ${screen.name}: ${finding}`);
}

for (const way of MODES) {
  const [mode, options] = way;
  for (const isSignedIn of [false, true]) {
    // axe works on the page from inside, which its policy forbids to scripts.
    const who = isSignedIn ? "signed in" : "anonymous";
    ui.test(`axe finds nothing serious: ${mode}, ${who}`, { ...options, bypassCSP: true }, async (visit) => {
      if (isSignedIn) {
        await visit.page.addInitScript((token) => localStorage.setItem("jwtToken", token), ada.token);
      }
      const found: string[] = [];
      for (const screen of SCREENS) {
        if ((screen.isSignedIn ?? false) === isSignedIn) found.push(...(await show(visit, screen, way)));
      }
      assert.deepEqual(found, []);
    });
  }
}
