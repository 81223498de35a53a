/** Writing an article, a new one or one that is there. */
import { useState } from "preact/hooks";
import { api, type ArticleContent } from "../api.ts";
import { asks } from "../asks.ts";
import { useDraft } from "../drafts.ts";
import { keepAnswer, useLoad } from "../loads.ts";
import { go } from "../navigation.ts";
import { LoadFailure } from "../parts/error-messages.tsx";
import { Field, RestoredDraft, SubmitButton, SubmitErrors, TextArea } from "../parts/form.tsx";
import { Markdown } from "../parts/markdown.tsx";
import { FormSkeleton } from "../parts/skeletons.tsx";
import { TagInput, withTag } from "../parts/tag-input.tsx";
import { to } from "../routes.ts";
import { session } from "../session.ts";
import { useSubmit } from "../submit.ts";
import { useTitle } from "../title.ts";
import { NotFoundPage } from "./not-found.tsx";

const NOTHING: ArticleContent = { title: "", description: "", body: "", tagList: [] };

export function EditorPage({ slug }: { readonly slug: string | undefined }) {
  return slug === undefined ? <Editor slug={undefined} initial={NOTHING} /> : <Present slug={slug} />;
}

/** Loads the article that is to be changed. */
function Present({ slug }: { readonly slug: string }) {
  const { data, error, reload } = useLoad(asks.editedArticle(slug));
  // What was loaded first is what is changed: an answer that comes later must not take its place.
  const [initial, setInitial] = useState(data.peek());
  const article = initial ?? data.value;
  if (article === undefined) {
    if (error.value === undefined) return <FormSkeleton />;
    if (error.value.status === 404) return <NotFoundPage what="article" />;
    return (
      <div class="container page">
        <LoadFailure error={error.value} reload={reload} />
      </div>
    );
  }
  if (initial === undefined) setInitial(article);
  return <Editor slug={slug} initial={article} />;
}

interface EditorProps {
  /** Undefined for a new article. */
  readonly slug: string | undefined;
  readonly initial: ArticleContent;
}

function Editor({ slug, initial }: EditorProps) {
  useTitle(slug === undefined ? "New article" : `Edit ${initial.title}`);
  // A session that ends meanwhile leaves the draft to whom it belongs.
  const [username] = useState(session.user.peek()?.username ?? "");
  const { title, description, body, tagList } = initial;
  const draft = useDraft(`article ${slug ?? ""} ${username}`, { title, description, body, tagList, pendingTag: "" });
  const { pendingTag, ...content } = draft.value;
  const submission = useSubmit({
    content: draft.value,
    send: async () => {
      // A tag that was typed to its end and not entered is meant all the same.
      const article = { ...content, tagList: withTag(content.tagList, pendingTag) };
      const saved = await (slug === undefined ? api.createArticle(article) : api.updateArticle(slug, article));
      draft.forget(draft.value);
      keepAnswer(asks.article(saved.slug), saved);
      return saved;
    },
    done: (saved) => go(to.article(saved.slug)),
    // A new title makes a new address: what was stored without an answer is not found under the old one.
    isRepeatable: slug !== undefined && content.title === title,
  });
  return (
    <div class="editor-page">
      <div class="container page">
        <div class="row">
          <div class="col-md-10 offset-md-1 col-xs-12">
            <h1 class="visually-hidden">{slug === undefined ? "New article" : "Edit article"}</h1>
            <RestoredDraft draft={draft} />
            <SubmitErrors submission={submission} />
            <form noValidate onSubmit={submission.submit}>
              <Field
                name="title"
                label="Article Title"
                sendsOnEnter={false}
                value={content.title}
                onValue={(value) => draft.change({ title: value })}
              />
              <Field
                name="description"
                label="What's this article about?"
                isLarge={false}
                sendsOnEnter={false}
                value={content.description}
                onValue={(value) => draft.change({ description: value })}
              />
              <Body text={content.body} onText={(value) => draft.change({ body: value })} />
              <TagInput
                tags={content.tagList}
                pending={pendingTag}
                onChange={(tags, pending) => draft.change({ tagList: tags, pendingTag: pending })}
              />
              <SubmitButton submission={submission}>Publish Article</SubmitButton>
            </form>
          </div>
        </div>
      </div>
    </div>
  );
}

interface BodyProps {
  readonly text: string;
  readonly onText: (text: string) => void;
}

/** The text, as it is written or as it will be read. */
function Body({ text, onText }: BodyProps) {
  const [isPreview, setPreview] = useState(false);
  return (
    <div class="form-group">
      <div class="editor-tabs" role="group" aria-label="Text">
        <button type="button" class={tabClass(!isPreview)} aria-pressed={!isPreview} onClick={() => setPreview(false)}>
          Write
        </button>
        <button type="button" class={tabClass(isPreview)} aria-pressed={isPreview} onClick={() => setPreview(true)}>
          Preview
        </button>
      </div>
      {isPreview ? (
        <div class="editor-preview">{text.trim() === "" ? <p>Nothing to see yet.</p> : <Markdown text={text} />}</div>
      ) : (
        <TextArea
          name="body"
          label="Article text"
          placeholder="Write your article (in markdown)"
          rows={12}
          value={text}
          onValue={onText}
        />
      )}
    </div>
  );
}

function tabClass(isShown: boolean): string {
  return isShown ? "btn btn-sm btn-secondary" : "btn btn-sm btn-outline-secondary";
}
