import assert from "node:assert/strict";
import { test } from "node:test";
import { runRoot, scope, spawn } from "lunet";
import { Passwords, PasswordsBusyError } from "./password.ts";

const plenty = { concurrency: 2, maxWaiting: 64, waitMs: 60_000 };

test("a password verifies against its own hash and no other one does", async () => {
  await runRoot(async () => {
    const passwords = new Passwords(plenty);
    const stored = await passwords.hash("correct horse");
    assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.equal(await passwords.verify("correct horse", stored), true);
    assert.equal(await passwords.verify("correct horsE", stored), false);
    assert.notEqual(await passwords.hash("correct horse"), stored);
  });
});

test("a hash of the reference program verifies, with its own parameters", async () => {
  // printf password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32 -e
  const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  await runRoot(async () => {
    assert.equal(await new Passwords(plenty).verify("password", stored), true);
    assert.equal(await new Passwords(plenty).verify("Password", stored), false);
  });
});

test("an unknown user has no password that verifies", async () => {
  await runRoot(async () => {
    assert.equal(await new Passwords(plenty).verify("anything", undefined), false);
  });
});

test("two spellings of one password are one password", async () => {
  await runRoot(async () => {
    const passwords = new Passwords(plenty);
    assert.equal(await passwords.verify("Cafe\u0301 ﬁne", await passwords.hash("Caf\u00e9 fine")), true);
  });
});

test("a stored text that is no hash is an error and not a wrong password", async () => {
  await runRoot(async () => {
    await assert.rejects(new Passwords(plenty).verify("x", "plain"), /found no PHC string/);
  });
});

test("hashes run in order and at most as many as allowed at once", async () => {
  const ended: number[] = [];
  await runRoot(async () => {
    const passwords = new Passwords({ ...plenty, concurrency: 1 });
    await scope(async () => {
      for (const number of [1, 2, 3, 4]) {
        spawn(async () => {
          await passwords.hash("some password");
          ended.push(number);
        });
      }
    });
  });
  assert.deepEqual(ended, [1, 2, 3, 4]);
});

test("one caller more than may wait is told so at once", async () => {
  await runRoot(async () => {
    const passwords = new Passwords({ concurrency: 1, maxWaiting: 1, waitMs: 60_000 });
    await scope(async () => {
      const first = spawn(() => passwords.hash("some password"));
      const second = spawn(() => passwords.hash("some password"));
      await assert.rejects(passwords.hash("some password"), PasswordsBusyError);
      assert.equal(first.state, "running");
      await second.join();
      assert.match(await passwords.hash("some password"), /^\$argon2id\$/);
    });
  });
});

test("a caller that waits too long is told so, and its turn goes to nobody", async () => {
  await runRoot(async () => {
    const passwords = new Passwords({ concurrency: 1, maxWaiting: 8, waitMs: 1 });
    await scope(async () => {
      spawn(() => passwords.hash("some password"));
      await assert.rejects(passwords.hash("some password"), { code: "ERR_PASSWORDS_BUSY" });
    });
    assert.match(await passwords.hash("some password"), /^\$argon2id\$/);
  });
});

test("a caller that is cancelled while it waits leaves the queue", async () => {
  await runRoot(async () => {
    const passwords = new Passwords({ concurrency: 1, maxWaiting: 1, waitMs: 60_000 });
    await scope(async () => {
      const first = spawn(() => passwords.hash("some password"));
      const second = spawn(() => passwords.hash("some password"));
      second.cancel();
      await assert.rejects(second.join());
      const third = spawn(() => passwords.hash("some password"));
      await third.join();
      assert.equal(first.state, "done");
    });
  });
});
