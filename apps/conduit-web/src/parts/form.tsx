/** What forms are made of. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Draft } from "../drafts.ts";
import type { Submission } from "../submit.ts";
import { to } from "../routes.ts";
import { session } from "../session.ts";
import { ErrorMessages } from "./error-messages.tsx";

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly placeholder?: string;
  readonly type?: "text" | "email" | "password";
  readonly inputMode?: "url";
  readonly autocomplete?: string;
  readonly isLarge?: boolean;
  /** Where fields are full from the start, a placeholder tells nobody what they are. Default false. */
  readonly showsLabel?: boolean;
  /** Enter sends the form. Default true: an unfinished article is not sent by it. */
  readonly sendsOnEnter?: boolean;
}

export function Field(props: FieldProps) {
  const { name, label, value, onValue, placeholder = label, type = "text", autocomplete = "off" } = props;
  const { isLarge = true, showsLabel = false, sendsOnEnter = true, inputMode } = props;
  // For the types of JSX an input is of one type, and not of one of several.
  const typed: object = { type };
  return (
    <div class="form-group">
      <label class={showsLabel ? undefined : "visually-hidden"} for={`field-${name}`}>
        {label}
      </label>
      <input
        id={`field-${name}`}
        class={isLarge ? "form-control form-control-lg" : "form-control"}
        name={name}
        {...typed}
        inputMode={inputMode}
        placeholder={placeholder}
        autocomplete={autocomplete}
        dir={type === "text" ? "auto" : undefined}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !sendsOnEnter) event.preventDefault();
        }}
      />
    </div>
  );
}

interface TextAreaProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly placeholder?: string;
  /** As of a field. */
  readonly showsLabel?: boolean;
  readonly rows: number;
}

/** Some browsers let a box grow with its text; for the others its height is set. */
const growsByItself = CSS.supports("field-sizing", "content");

/** A box for text, which grows with it. */
export function TextArea({
  name,
  label,
  value,
  onValue,
  placeholder = label,
  showsLabel = false,
  rows,
}: TextAreaProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null || growsByItself) return;
    // Its height is measured without the one that was set.
    current.style.height = "auto";
    current.style.height = `${current.scrollHeight + current.offsetHeight - current.clientHeight}px`;
  }, [value]);
  return (
    <>
      <label class={showsLabel ? undefined : "visually-hidden"} for={`field-${name}`}>
        {label}
      </label>
      <textarea
        ref={box}
        id={`field-${name}`}
        class="form-control"
        name={name}
        rows={rows}
        // What grows by itself does not know its rows.
        style={{ minBlockSize: `calc(${rows}lh + 1rem)` }}
        placeholder={placeholder}
        dir="auto"
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </>
  );
}

/** The second half of a double click sends nothing: by then the form may be another one. */
export function onlyOnce(click: MouseEvent): void {
  if (click.detail > 1) click.preventDefault();
}

interface SubmitButtonProps {
  readonly submission: Submission;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function SubmitButton({ submission: { isBusy }, class: name = "btn-lg", children }: SubmitButtonProps) {
  return (
    <button
      type="submit"
      class={`btn ${name} btn-primary pull-xs-right${isBusy ? " is-busy" : ""}`}
      aria-disabled={isBusy || undefined}
      onClick={onlyOnce}
    >
      {children}
    </button>
  );
}

/** Says of a form that it holds what was typed before, and lets go of it. */
export function RestoredDraft({ draft }: { readonly draft: Pick<Draft<never>, "isRestored" | "forget"> }) {
  if (!draft.isRestored) return null;
  return (
    <p class="restored-draft" role="status">
      This is what you wrote before and have not sent.{" "}
      <button type="button" class="btn btn-sm btn-outline-secondary" onClick={() => draft.forget()}>
        Discard it
      </button>
    </p>
  );
}

interface SubmitErrorsProps {
  readonly submission: Submission;
  /** The form needs a session. Default true. */
  readonly isForMembers?: boolean;
}

/** Why a form was not sent, and what becomes of what was typed. */
export function SubmitErrors({ submission: { error, server }, isForMembers = true }: SubmitErrorsProps) {
  return (
    <>
      <ErrorMessages error={error}>
        {server === "away" && <li>What you wrote is kept. The server is asked for until it is back.</li>}
        {server === "back" && <li>The server is back: please send again.</li>}
      </ErrorMessages>
      {isForMembers && session.hasExpired.value && (
        <p class="session-ended" role="alert">
          Your session has ended. What you wrote is kept: <a href={to.login}>sign in</a>, come back here, and go on.
        </p>
      )}
    </>
  );
}
