import type { ComponentChildren } from "preact";
import type { Page } from "../routes.ts";
import { to } from "../routes.ts";
import { session } from "../session.ts";
import { Avatar } from "./avatar.tsx";

export function Navbar({ page }: { readonly page: Page }) {
  return (
    <nav class="navbar navbar-light" aria-label="Main">
      <div class="container">
        <a class="navbar-brand" href={to.home()}>
          conduit
        </a>
        <ul class="nav navbar-nav pull-xs-right">
          <Item href={to.home()} isActive={page.name === "home" && page.feed === "global"}>
            Home
          </Item>
          <Account page={page} />
        </ul>
      </div>
    </nav>
  );
}

function Account({ page }: { readonly page: Page }) {
  const user = session.user.value;
  switch (session.state.value) {
    case "authenticated":
      return user === null ? null : (
        <>
          <Item href={to.editor()} isActive={page.name === "editor" && page.slug === undefined}>
            <i class="ion-compose" aria-hidden="true" /> New Article
          </Item>
          <Item href={to.settings} isActive={page.name === "settings"}>
            <i class="ion-gear-a" aria-hidden="true" /> Settings
          </Item>
          <Item href={to.profile(user.username)} isActive={page.name === "profile" && page.username === user.username}>
            <Avatar class="user-pic" image={user.image} size={26} /> <bdi>{user.username}</bdi>
          </Item>
        </>
      );
    case "unauthenticated":
      return (
        <>
          <Item href={to.login} isActive={page.name === "login"}>
            Sign in
          </Item>
          <Item href={to.register} isActive={page.name === "register"}>
            Sign up
          </Item>
        </>
      );
    case "unavailable":
      return (
        <li class="nav-item">
          <span class="nav-link">Connecting...</span>
        </li>
      );
    case "loading":
      return (
        <li class="nav-item" aria-hidden="true">
          <span class="nav-link skeleton skeleton-line" />
        </li>
      );
  }
}

interface ItemProps {
  readonly href: string;
  readonly isActive: boolean;
  readonly children: ComponentChildren;
}

/** A link of a bar of links, marked where it leads to what is shown. */
export function Item({ href, isActive, children }: ItemProps) {
  return (
    <li class="nav-item">
      <a class={isActive ? "nav-link active" : "nav-link"} href={href} aria-current={isActive ? "page" : undefined}>
        {children}
      </a>
    </li>
  );
}
