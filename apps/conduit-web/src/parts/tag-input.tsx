import { useRef, useState } from "preact/hooks";

interface TagInputProps {
  readonly tags: readonly string[];
  /** What is typed and no tag yet. */
  readonly pending: string;
  readonly onChange: (tags: readonly string[], pending: string) => void;
}

/** Tags as chips: Enter or a comma makes one, the mark in it takes it away. */
export function TagInput({ tags, pending, onChange }: TagInputProps) {
  const [said, say] = useState("");
  const box = useRef<HTMLInputElement>(null);
  const add = (): void => {
    const more = withTag(tags, pending);
    onChange(more, "");
    say(more === tags ? `${pending.trim()} is there already` : `Added ${pending.trim()}`);
  };
  const remove = (tag: string): void => {
    onChange(
      tags.filter((one) => one !== tag),
      pending,
    );
    say(`Removed ${tag}`);
    // The button that had the focus is gone.
    box.current?.focus();
  };
  return (
    <div class="form-group">
      <label class="visually-hidden" for="field-tags">
        Tags
      </label>
      <input
        ref={box}
        id="field-tags"
        class="form-control"
        name="tags"
        type="text"
        placeholder="Enter tags"
        autocomplete="off"
        enterKeyHint="done"
        dir="auto"
        value={pending}
        onInput={(event) => onChange(tags, event.currentTarget.value)}
        onKeyDown={(event) => {
          // Enter that ends the writing of a character is not meant for the form.
          if (event.isComposing || (event.key !== "Enter" && event.key !== ",")) return;
          event.preventDefault();
          if (pending.trim() !== "") add();
        }}
      />
      <div class="tag-list">
        {tags.map((tag) => (
          <span key={tag} class="tag-default tag-pill">
            <button type="button" class="tag-remove" aria-label={`Remove ${tag}`} onClick={() => remove(tag)}>
              <i class="ion-close-round" aria-hidden="true" />
            </button>{" "}
            <bdi>{tag}</bdi>
          </span>
        ))}
      </div>
      <span class="visually-hidden" role="status">
        {said}
      </span>
    </div>
  );
}

/** The tags with one more, unless it is there or blank. */
export function withTag(tags: readonly string[], tag: string): readonly string[] {
  const trimmed = tag.trim();
  return trimmed === "" || tags.includes(trimmed) ? tags : [...tags, trimmed];
}
