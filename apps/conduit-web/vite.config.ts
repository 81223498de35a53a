/**
 * How the UI is built, and how Vite serves it while it is worked on.
 *
 * `dist/` gets `index.html`, what is in `public/` under its name, and everything else under `assets/` with a hash in its
 * name, so that the server may let browsers keep it for good.
 */
import { defineConfig, type Plugin } from "vite";
import { articlesPath } from "./src/list-path.ts";

/** Where `make wui` finds a running API. */
const API = process.env["API_URL"] ?? "http://127.0.0.1:8080";

/**
 * Adds `home.html`, the document for `/`: the browser asks for the first list as soon as it has read it, and not when the script has begun. On
 * a slow line that is a way to the server less.
 */
const homeDocument: Plugin = {
  name: "home-document",
  enforce: "post",
  generateBundle(_, bundle) {
    const document = bundle["index.html"];
    if (document?.type !== "asset") this.error("Cannot make home.html: found no index.html");
    const address = `/api${articlesPath(1)}`.replaceAll("&", "&amp;");
    const preload = `<link rel="preload" as="fetch" crossorigin href="${address}" />`;
    const source = String(document.source).replace("</title>", `</title>\n    ${preload}`);
    this.emitFile({ type: "asset", fileName: "home.html", source });
  },
};

/**
 * Lets V8 compile the whole of the first script beside the page's thread while it arrives (its explicit compile hints): nearly all
 * of it runs until the first list stands. Other browsers see a comment. It is put in front here, for the minifier takes comments out.
 */
const compileHint: Plugin = {
  name: "compile-hint",
  enforce: "post",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk" && file.isEntry) file.code = `//# allFunctionsCalledOnLoad\n${file.code}`;
    }
  },
};

export default defineConfig({
  plugins: [homeDocument, compileHint],
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
