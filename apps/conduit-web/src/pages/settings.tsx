/** The visitor's own account. */
import { useState } from "preact/hooks";
import { api, type UserContent } from "../api.ts";
import { forgetDrafts, useDraft } from "../drafts.ts";
import { go } from "../navigation.ts";
import { Field, RestoredDraft, SubmitButton, SubmitErrors, TextArea } from "../parts/form.tsx";
import { to } from "../routes.ts";
import { logOut, session, takeOver } from "../session.ts";
import { useSubmit } from "../submit.ts";
import { useTitle } from "../title.ts";
import { token } from "../token.ts";

export function SettingsPage() {
  useTitle("Settings");
  // A session that ends meanwhile leaves the form of the account that it was.
  const [user] = useState(session.user.peek());
  const { username = "", email = "", bio, image } = user ?? {};
  const initial = { image: image ?? "", username, bio: bio ?? "", email };
  const draft = useDraft(`settings ${username}`, initial);
  const [password, setPassword] = useState("");
  const content = { ...draft.value, password };
  const submission = useSubmit({
    content,
    send: async () => {
      const sentToken = token.peek();
      const changed = await api.updateUser(changesOf(content, { ...initial, password: "" }));
      draft.forget(draft.value);
      takeOver(changed, sentToken);
      return changed;
    },
    done: (changed) => go(to.profile(changed.username)),
    isRepeatable: true,
  });
  return (
    <div class="settings-page">
      <div class="container page">
        <div class="row">
          <div class="col-md-6 offset-md-3 col-xs-12">
            <h1 class="text-xs-center">Your Settings</h1>
            <RestoredDraft draft={draft} />
            <SubmitErrors submission={submission} />
            <form noValidate onSubmit={submission.submit}>
              <Field
                showsLabel
                name="image"
                label="URL of profile picture"
                inputMode="url"
                isLarge={false}
                value={content.image}
                onValue={(value) => draft.change({ image: value })}
              />
              <Field
                showsLabel
                name="username"
                label="Your Name"
                autocomplete="username"
                value={content.username}
                onValue={(value) => draft.change({ username: value })}
              />
              <div class="form-group">
                <TextArea
                  showsLabel
                  name="bio"
                  label="Short bio about you"
                  rows={8}
                  value={content.bio}
                  onValue={(value) => draft.change({ bio: value })}
                />
              </div>
              <Field
                showsLabel
                name="email"
                label="Email"
                type="email"
                autocomplete="email"
                value={content.email}
                onValue={(value) => draft.change({ email: value })}
              />
              <Field
                showsLabel
                name="password"
                label="New Password"
                type="password"
                autocomplete="new-password"
                value={password}
                onValue={setPassword}
              />
              <SubmitButton submission={submission}>Update Settings</SubmitButton>
            </form>
            <hr />
            <button type="button" class="btn btn-outline-danger" onClick={leave}>
              Or click here to logout
            </button>
          </div>
        </div>
      </div>
    </div>
  );
}

/** What has been changed alone: the rest may have been changed in another tab. All but the password, when nothing has. */
function changesOf(content: Required<UserContent>, initial: Required<UserContent>): UserContent {
  const changed = Object.entries(content).filter(([name, value]) => value !== initial[name as keyof UserContent]);
  const { password: _password, ...all } = content;
  return changed.length === 0 ? all : Object.fromEntries(changed);
}

function leave(): void {
  // First, so that the page for members is not there to send the visitor to log in.
  go(to.home());
  logOut();
  forgetDrafts();
}
