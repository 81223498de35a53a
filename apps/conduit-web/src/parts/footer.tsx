import { to } from "../routes.ts";
import { nextTheme, theme } from "../theme.ts";

const THEME_NAMES = { system: "as the system", light: "light", dark: "dark" } as const;

export function Footer() {
  return (
    <footer>
      <div class="container">
        <a class="logo-font" href={to.home()}>
          conduit
        </a>
        <span class="attribution">
          A RealWorld application on Lunet. <a href="/docs">API</a>
        </span>
        <button type="button" class="btn btn-sm btn-outline-secondary theme-toggle" onClick={nextTheme}>
          <i class="ion-contrast" aria-hidden="true" /> Colours: {THEME_NAMES[theme.value]}
        </button>
      </div>
    </footer>
  );
}
