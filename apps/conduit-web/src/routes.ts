/** The addresses of the UI, read and made. */

/** A page, and what its address says about it. */
export type Page =
  | { readonly name: "home"; readonly feed: "global" | "following"; readonly page: number }
  | { readonly name: "tag"; readonly tag: string; readonly page: number }
  | { readonly name: "login" | "register" | "settings" | "not-found" }
  | { readonly name: "editor"; readonly slug: string | undefined }
  | { readonly name: "article"; readonly slug: string }
  | { readonly name: "profile"; readonly username: string; readonly tab: ProfileTab; readonly page: number };

export type ProfileTab = "articles" | "favorites";

const NOT_FOUND: Page = { name: "not-found" };

/** The page at an address. What is no page, or is not encoded as UTF-8, is the page that says so. */
export function readPage(url: URL): Page {
  const page = pageNumber(url.searchParams);
  const segments = decodeSegments(url.pathname);
  if (segments === undefined) return NOT_FOUND;
  const [first = "", second, third] = segments;
  switch (`${first}/${segments.length}`) {
    case "/0":
      return { name: "home", feed: url.searchParams.get("feed") === "following" ? "following" : "global", page };
    case "login/1":
    case "register/1":
    case "settings/1":
      return { name: first as "login" | "register" | "settings" };
    case "editor/1":
    case "editor/2":
      return { name: "editor", slug: second };
    case "tag/2":
      return { name: "tag", tag: second ?? "", page };
    case "article/2":
      return { name: "article", slug: second ?? "" };
    case "profile/2":
      return { name: "profile", username: second ?? "", tab: "articles", page };
    case "profile/3":
      return third === "favorites" ? { name: "profile", username: second ?? "", tab: "favorites", page } : NOT_FOUND;
    default:
      return NOT_FOUND;
  }
}

/** The segments of a path. One slash at its end counts for nothing; undefined if a segment is empty or cannot be decoded. */
function decodeSegments(path: string): string[] | undefined {
  const segments = path.replace(/^\//, "").replace(/\/$/, "").split("/");
  if (segments.length === 1 && segments[0] === "") return [];
  try {
    const decoded = segments.map(decodeURIComponent);
    return decoded.includes("") ? undefined : decoded;
  } catch {
    return undefined;
  }
}

function pageNumber(query: URLSearchParams): number {
  const number = Number(query.get("page") ?? 1);
  return Number.isSafeInteger(number) && number >= 1 ? number : 1;
}

/** The address of a page of a list; the first has none of its own. */
function withPage(path: string, page: number): string {
  if (page <= 1) return path;
  return `${path}${path.includes("?") ? "&" : "?"}page=${page}`;
}

/** Addresses, for links. */
export const to = {
  home: (page = 1) => withPage("/", page),
  following: (page = 1) => withPage("/?feed=following", page),
  tag: (tag: string, page = 1) => withPage(`/tag/${encodeURIComponent(tag)}`, page),
  article: (slug: string) => `/article/${encodeURIComponent(slug)}`,
  editor: (slug?: string) => (slug === undefined ? "/editor" : `/editor/${encodeURIComponent(slug)}`),
  profile: (username: string, tab: ProfileTab = "articles", page = 1) =>
    withPage(`/profile/${encodeURIComponent(username)}${tab === "favorites" ? "/favorites" : ""}`, page),
  login: "/login",
  register: "/register",
  settings: "/settings",
} as const;
