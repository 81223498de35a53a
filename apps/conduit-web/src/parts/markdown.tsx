import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type * as markdown from "../markdown.ts";
import { LinesSkeleton } from "./skeletons.tsx";

type Renderer = Pick<typeof markdown, "renderMarkdown">;

let renderer: Promise<Renderer> | undefined;

/** Begins to load what renders Markdown, for a page that will show some. */
export function loadMarkdown(): Promise<Renderer> {
  renderer ??= importRenderer().catch((error: unknown) => {
    renderer = undefined;
    throw error;
  });
  return renderer;
}

/** Text in Markdown. Where its renderer cannot be loaded, the text as it was written. */
export function Markdown({ text }: { readonly text: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<"loading" | "rendered" | "plain">("loading");
  useLayoutEffect(() => {
    let isCurrent = true;
    const show = async (): Promise<void> => {
      try {
        const { renderMarkdown } = await loadMarkdown();
        if (!isCurrent) return;
        place.current?.replaceChildren(renderMarkdown(text));
        setState("rendered");
      } catch (error) {
        console.error(error);
        if (!isCurrent) return;
        place.current?.replaceChildren();
        setState("plain");
      }
    };
    void show();
    return () => {
      isCurrent = false;
    };
  }, [text]);
  return (
    <>
      {state === "loading" && <LinesSkeleton lines={8} label="Loading the text" />}
      {state === "plain" && <pre class="plain-text">{text}</pre>}
      <div class="markdown" ref={place} />
    </>
  );
}

async function importRenderer(): Promise<Renderer> {
  const module = await import("../markdown.ts");
  // Setting it up and rendering the first text are two tasks, between which the page answers to its visitor.
  await new Promise((resolve) => setTimeout(resolve));
  return module;
}
