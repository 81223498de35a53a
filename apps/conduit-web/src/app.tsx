/** The frame around every page, and which page it is. */
import { Fragment, type ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import { currentUrl, go } from "./navigation.ts";
import { ArticlePage } from "./pages/article.tsx";
import { EditorPage } from "./pages/editor.tsx";
import { HomePage } from "./pages/home.tsx";
import { LoginPage, RegisterPage } from "./pages/login.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { ProfilePage } from "./pages/profile.tsx";
import { SettingsPage } from "./pages/settings.tsx";
import { Footer } from "./parts/footer.tsx";
import { Navbar } from "./parts/navbar.tsx";
import { Notices } from "./parts/notices.tsx";
import { FormSkeleton } from "./parts/skeletons.tsx";
import { readPage, to, type Page } from "./routes.ts";
import { session } from "./session.ts";

export function App() {
  const page = readPage(currentUrl.value);
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      <Fallible>
        <Navbar page={page} />
        <Notices />
      </Fallible>
      <main id="main" tabIndex={-1}>
        <Fallible key={keyOf(page)}>
          <PageView page={page} />
        </Fallible>
      </main>
      <Footer />
    </>
  );
}

/** What makes a page another one, which begins anew; the pages of a list are one page. */
function keyOf(page: Page): string {
  switch (page.name) {
    case "article":
    case "editor":
      return `${page.name} ${page.slug ?? ""}`;
    case "profile":
      return `${page.name} ${page.username}`;
    default:
      return page.name;
  }
}

function PageView({ page }: { readonly page: Page }) {
  switch (page.name) {
    case "home":
      return page.feed === "global" ? (
        <HomePage {...page} />
      ) : (
        <ForMembers>
          <HomePage {...page} />
        </ForMembers>
      );
    case "tag":
      return <HomePage feed="tag" {...page} />;
    case "login":
      return (
        <ForVisitors>
          <LoginPage />
        </ForVisitors>
      );
    case "register":
      return (
        <ForVisitors>
          <RegisterPage />
        </ForVisitors>
      );
    case "settings":
      return (
        <ForMembers isForm>
          <SettingsPage />
        </ForMembers>
      );
    case "editor":
      return (
        <ForMembers isForm>
          <EditorPage slug={page.slug} />
        </ForMembers>
      );
    case "profile":
      return <ProfilePage {...page} />;
    case "article":
      return <ArticlePage slug={page.slug} />;
    case "not-found":
      return <NotFoundPage what="page" />;
  }
}

interface ForMembersProps {
  /** What is shown may hold what the visitor has typed. Default false. */
  readonly isForm?: boolean;
  readonly children: ComponentChildren;
}

/**
 * What needs an account. An anonymous visitor is sent to log in. Whoever has been at work here and lost the session stays, with
 * everything typed; another account begins anew.
 */
function ForMembers({ isForm = false, children }: ForMembersProps) {
  const state = session.state.value;
  const wasShown = useRef(false);
  const isWaiting = state === "loading" || state === "unavailable";
  const stays = wasShown.current && (isWaiting || (isForm && session.hasExpired.value));
  if (state === "authenticated" || stays) {
    wasShown.current = true;
    return <Fragment key={session.account.value}>{children}</Fragment>;
  }
  if (state === "unauthenticated") return <Redirect path={to.login} />;
  return (
    <>
      {state === "unavailable" && (
        <div class="container page">
          <p role="status">This page needs your account. It opens as soon as the server answers.</p>
        </div>
      )}
      <FormSkeleton />
    </>
  );
}

/** Logging in is for those who are not. */
function ForVisitors({ children }: { readonly children: ComponentChildren }) {
  return session.state.value === "authenticated" ? <Redirect path={to.home()} /> : <>{children}</>;
}

function Redirect({ path }: { readonly path: string }) {
  useEffect(() => go(path, { replace: true }), [path]);
  return null;
}

/** A fault of a page is told in its place; the rest of the UI goes on. */
function Fallible({ children }: { readonly children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary((cause) => console.error(cause));
  if (error === undefined) return <>{children}</>;
  return (
    <div class="container page">
      <div role="alert">
        <ul class="error-messages">
          <li>This page has failed.</li>
        </ul>
      </div>
      <button type="button" class="btn btn-outline-secondary" onClick={reset}>
        Try again
      </button>
    </div>
  );
}
