import { useEffect } from "preact/hooks";

/** Names the page in the browser's tab, its history, and to screen readers. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "Conduit" : `${title} — Conduit`;
  }, [title]);
}
