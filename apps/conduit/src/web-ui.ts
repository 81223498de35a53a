/**
 * The web UI: the files that apps/conduit-web is built into, and its pages, which the browser makes of one document.
 *
 * - A route of the UI is answered with the document. So is any other path that a browser navigates to, but with 404: the UI
 *   shows there that it has no such page.
 * - What is below `assets/` has a hash in its name and may be kept for good. Everything else is asked for again each time.
 * - The document runs nothing but its own files. What it shows of users is made safe by the page itself, and should that fail,
 *   the policy lets no script of theirs run.
 * - The folder is looked at by each request, so that a UI which is built later, or again, needs no restart.
 */
import { join } from "node:path";
import { FileError, stat } from "lunet/fs";
import {
  afterReply,
  html,
  HttpError,
  staticFile,
  staticFiles,
  withFields,
  type Handler,
  type HttpRequest,
  type Reply,
} from "lunet/http";
import { notFound } from "./errors.ts";

/** Where images may come from: the own origin alone, or any that has TLS. */
export type ImageSources = "https" | "self";

export interface WebUiOptions {
  /** What apps/conduit-web was built into. It may be missing, or come later. */
  readonly folder: string;
  readonly images: ImageSources;
}

const DOCUMENT = "index.html";
/** The same for `/`, where the browser asks for the first list at once. */
const HOME_DOCUMENT = "home.html";
const DOCUMENTS: ReadonlySet<string> = new Set([`/${DOCUMENT}`, `/${HOME_DOCUMENT}`]);
const ASSETS = "assets/";
const PRECOMPRESSED = ["br", "gzip"] as const;

/** The paths that the UI has a page for, as they are on the wire. */
const ROUTES =
  /^\/(?:|login|register|settings|editor(?:\/[^/]+)?|tag\/[^/]+|article\/[^/]+|profile\/[^/]+(?:\/favorites)?)$/;

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Conduit</title><h1>Conduit</h1>
<p>The web UI is not built. Build it with <code>make web</code>, and load this page again.</p>
<p>The API is there: <a href="/docs">/docs</a> shows it.</p></html>
`;

/** What the pages may load and do (Content Security Policy 3, Trusted Types). */
function policyOf(images: ImageSources): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data:${images === "https" ? " https:" : ""}`,
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify",
  ].join("; ");
}

/**
 * Answers GET and HEAD outside of `/api`.
 *
 * @returns A handler that throws what `notFound("route")` gives for what is neither a file nor a page.
 */
export function webUi({ folder, images }: WebUiOptions): Handler {
  const path = join(folder, DOCUMENT);
  const page = staticFile(path, { precompressed: PRECOMPRESSED });
  const home = staticFile(join(folder, HOME_DOCUMENT), { precompressed: PRECOMPRESSED });
  const pageOfNothing = staticFile(path, { precompressed: PRECOMPRESSED, status: 404 });
  const file = staticFiles(folder, { precompressed: PRECOMPRESSED, immutable: new RegExp(`^${ASSETS}`) });
  const fields = { "Content-Security-Policy": policyOf(images), "Referrer-Policy": "same-origin" };

  const answer = async (request: HttpRequest): Promise<Reply | Response> => {
    if (request.target === "/") {
      const found = await ifThere(home, request);
      if (found !== undefined) return found;
    }
    if (ROUTES.test(request.path)) return (await ifThere(page, request)) ?? html(NOT_BUILT, { status: 503 });
    // Nobody has a page under the documents' own names, as they are usually written.
    const found = DOCUMENTS.has(request.path) ? undefined : await ifThere(file, request);
    if (found !== undefined) return found;
    const isNavigation = acceptsHtml(request) && !request.path.startsWith(`/${ASSETS}`);
    const nothing = isNavigation ? await ifThere(pageOfNothing, request) : undefined;
    if (nothing === undefined) throw notFound("route");
    return afterReply(nothing, (reply) => withFields(reply, { Vary: "Accept, Accept-Encoding" }));
  };
  return (request) => afterReply(answer(request), (reply) => withFields(withoutSniffing(reply), fields));
}

/** Whether there is a UI to serve. */
export async function isBuilt(folder: string): Promise<boolean> {
  try {
    return (await stat(join(folder, DOCUMENT))).kind === "file";
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}

/** A file that is not there, and a path that can lead to none. */
const NOT_THERE: ReadonlySet<string> = new Set(["ERR_HTTP_NOT_FOUND", "ERR_HTTP_PATH"]);

/** What the handler answers, or undefined when its file, or the whole folder, is not there. */
async function ifThere(handler: Handler, request: HttpRequest): Promise<Reply | Response | undefined> {
  try {
    return await handler(request);
  } catch (error) {
    if (error instanceof HttpError && NOT_THERE.has(error.code)) return undefined;
    if (error instanceof FileError && error.code === "ERR_FILE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** Scripts and images are not asked for with it, and nothing but a browser that navigates asks so. */
function acceptsHtml(request: HttpRequest): boolean {
  return /\btext\/html\b/i.test(request.field("accept") ?? "");
}

/** The server adds the field to every reply; files have it already. */
function withoutSniffing(reply: Reply): Reply {
  const { "X-Content-Type-Options": _added, ...fields } = reply.fields ?? {};
  return { ...reply, fields };
}
