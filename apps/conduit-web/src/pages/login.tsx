/** Signing in and signing up. */
import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { go } from "../navigation.ts";
import { Field, SubmitButton, SubmitErrors } from "../parts/form.tsx";
import { to } from "../routes.ts";
import { takeOver } from "../session.ts";
import { useSubmit } from "../submit.ts";
import { useTitle } from "../title.ts";
import { token } from "../token.ts";

export function LoginPage() {
  return <AuthPage title="Sign in" isNew={false} />;
}

export function RegisterPage() {
  return <AuthPage title="Sign up" isNew />;
}

interface AuthPageProps {
  readonly title: string;
  /** Makes an account, and so asks for a name. */
  readonly isNew: boolean;
}

function AuthPage({ title, isNew }: AuthPageProps) {
  useTitle(title);
  const [username, setUsername] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const submission = useSubmit({
    content: { username, email, password },
    send: async () => {
      const sentToken = token.peek();
      const user = await (isNew ? api.register({ username, email, password }) : api.logIn({ email, password }));
      takeOver(user, sentToken);
    },
    done: () => go(to.home()),
    isRepeatable: !isNew,
  });
  return (
    <div class="auth-page">
      <div class="container page">
        <div class="row">
          <div class="col-md-6 offset-md-3 col-xs-12">
            <h1 class="text-xs-center">{title}</h1>
            <p class="text-xs-center">
              {isNew ? <a href={to.login}>Have an account?</a> : <a href={to.register}>Need an account?</a>}
            </p>
            <SubmitErrors submission={submission} isForMembers={false} />
            <form noValidate onSubmit={submission.submit}>
              {isNew && (
                <Field
                  name="username"
                  label="Username"
                  autocomplete="username"
                  value={username}
                  onValue={setUsername}
                />
              )}
              <Field name="email" label="Email" type="email" autocomplete="email" value={email} onValue={setEmail} />
              <Field
                name="password"
                label="Password"
                type="password"
                autocomplete={isNew ? "new-password" : "current-password"}
                value={password}
                onValue={setPassword}
              />
              <SubmitButton submission={submission}>{title}</SubmitButton>
            </form>
          </div>
        </div>
      </div>
    </div>
  );
}
