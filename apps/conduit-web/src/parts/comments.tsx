/** What people say of an article, and the box to say something. */
import { useRef } from "preact/hooks";
import { deleteComment } from "../actions.ts";
import { api } from "../api.ts";
import type { Comment, User } from "../decode.ts";
import { useDraft } from "../drafts.ts";
import type { Load } from "../loads.ts";
import { to } from "../routes.ts";
import { session } from "../session.ts";
import { useSubmit } from "../submit.ts";
import { Avatar } from "./avatar.tsx";
import { LoadFailure } from "./error-messages.tsx";
import { onlyOnce, SubmitErrors, TextArea } from "./form.tsx";
import { RelativeTime } from "./relative-time.tsx";
import { LinesSkeleton } from "./skeletons.tsx";

interface CommentsProps {
  readonly slug: string;
  readonly load: Load<readonly Comment[]>;
}

export function Comments({ slug, load }: CommentsProps) {
  const user = session.user.value;
  // Whoever has lost the session while writing keeps the box, and what is in it.
  const writer = useRef(user);
  if (user !== null || !session.hasExpired.value) writer.current = user;
  const comments = load.data.value;
  const place = useRef<HTMLElement>(null);
  return (
    <section ref={place} aria-label="Comments" tabIndex={-1}>
      {writer.current === null ? (
        <p>
          <a href={to.login}>Sign in</a> or <a href={to.register}>sign up</a> to add comments on this article.
        </p>
      ) : (
        <CommentForm
          key={session.account.value}
          slug={slug}
          user={writer.current}
          onComment={(comment) => load.update((found) => [comment, ...found.filter(({ id }) => id !== comment.id)])}
        />
      )}
      <LoadFailure error={load.error.value} reload={load.reload} />
      {comments === undefined && load.error.value === undefined && <LinesSkeleton lines={3} label="Loading comments" />}
      {comments?.map((comment) => (
        <CommentCard
          key={comment.id}
          comment={comment}
          isOwn={user?.username === comment.author.username}
          onDelete={(click) =>
            deleteComment(click, slug, comment.id, () => {
              load.update((found) => found.filter(({ id }) => id !== comment.id));
              // The button that had the focus is gone.
              place.current?.focus({ preventScroll: true });
            })
          }
        />
      ))}
    </section>
  );
}

interface CommentFormProps {
  readonly slug: string;
  readonly user: User;
  readonly onComment: (comment: Comment) => void;
}

function CommentForm({ slug, user, onComment }: CommentFormProps) {
  const draft = useDraft(`comment ${slug} ${user.username}`, { body: "" });
  const submission = useSubmit({
    content: draft.value,
    send: async () => {
      const sent = draft.value;
      onComment(await api.createComment(slug, sent.body));
      // What has been typed meanwhile is the next comment.
      draft.forget(sent);
    },
    done: () => {},
  });
  return (
    <>
      <SubmitErrors submission={submission} />
      <form class="card comment-form" noValidate onSubmit={submission.submit}>
        <div class="card-block">
          <TextArea
            name="comment"
            label="Comment"
            placeholder="Write a comment..."
            rows={3}
            value={draft.value.body}
            onValue={(body) => draft.change({ body })}
          />
        </div>
        <div class="card-footer">
          <Avatar class="comment-author-img" image={user.image} size={30} />
          <button
            type="submit"
            class={submission.isBusy ? "btn btn-sm btn-primary is-busy" : "btn btn-sm btn-primary"}
            aria-disabled={submission.isBusy || undefined}
            onClick={onlyOnce}
          >
            Post Comment
          </button>
        </div>
      </form>
    </>
  );
}

interface CommentCardProps {
  readonly comment: Comment;
  readonly isOwn: boolean;
  readonly onDelete: (click: MouseEvent) => void;
}

function CommentCard({ comment: { author, body, createdAt }, isOwn, onDelete }: CommentCardProps) {
  const profile = to.profile(author.username);
  return (
    <div class="card">
      <div class="card-block">
        <p class="card-text" dir="auto">
          {body}
        </p>
      </div>
      <div class="card-footer">
        <a class="comment-author" href={profile} tabIndex={-1} aria-hidden="true">
          <Avatar class="comment-author-img" image={author.image} size={20} isLazy />
        </a>{" "}
        <a class="comment-author" href={profile}>
          <bdi>{author.username}</bdi>
        </a>{" "}
        <RelativeTime class="date-posted" time={createdAt} />
        {isOwn && (
          <span class="mod-options">
            <button type="button" class="comment-delete" aria-label="Delete comment" onClick={onDelete}>
              <i class="ion-trash-a" aria-hidden="true" />
            </button>
          </span>
        )}
      </div>
    </div>
  );
}
