/**
 * How the UI is built, and how Vite serves it while it is worked on.
 *
 * `dist/` gets `index.html`, what is in `public/` under its name, and everything else under `assets/` with a hash in its
 * name, so that the server may let browsers keep it for good.
 */
import { defineConfig } from "vite";

/** Where `make wui` finds a running API. */
const API = process.env["API_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2024",
    assetsDir: "assets",
    // Nothing is written into the page or the styles themselves: the server's policy allows files alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { host: "127.0.0.1", proxy: { "/api": API, "/docs": API, "/openapi.json": API } },
});
