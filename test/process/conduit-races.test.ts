/** The same write many times at once: the database decides, and exactly one of those that exclude each other wins. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer, type TestUser } from "../../apps/conduit/test/harness.ts";
import { recount } from "./recount.ts";

const ROUNDS = 20;
const AT_ONCE = 8;
const TAKEN = ["has already been taken"];

const conduit = await conduitForFile();

function atOnce(send: (index: number) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: AT_ONCE }, (_, index) => send(index)));
}

function register(username: string, email: string): Promise<Answer> {
  const user = { username, email, password: "long enough" };
  return conduit.request("POST", "/api/users", { json: { user }, timeoutMs: 20_000 });
}

function assertOneWinner(answers: readonly Answer[], status: number, key: string): void {
  assert.equal(answers.filter((answer) => answer.status === status).length, 1);
  for (const answer of answers) {
    if (answer.status === status) continue;
    assert.equal(answer.status, 409, answer.text);
    assert.deepEqual(answer.json, { errors: { [key]: TAKEN } });
  }
}

test("of eight registrations of one name at once one is created and seven are told that it is taken", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const answers = await atOnce((index) => register(`name${round}`, `name${round}-${index}@example.com`));
    assertOneWinner(answers, 201, "username");
    const winner = answers.find((answer) => answer.status === 201)?.json.user;
    const current = await conduit.request("GET", "/api/user", { token: winner.token });
    assert.equal(current.json.user.email, winner.email);
  }
});

test("of eight registrations of one address in eight spellings at once one is created", async () => {
  for (let round = 0; round < 5; round += 1) {
    const address = `address${round}@example.com`;
    const answers = await atOnce((index) =>
      register(`address${round}-${index}`, address.slice(0, index).toUpperCase() + address.slice(index)),
    );
    assertOneWinner(answers, 201, "email");
  }
});

test("of eight users who take one free name at once one gets it and the others keep theirs", async () => {
  const users = await Promise.all(Array.from({ length: AT_ONCE }, () => conduit.register()));
  for (let round = 0; round < 5; round += 1) {
    const wanted = `wanted${round}`;
    const answers = await Promise.all(
      users.map((user) =>
        conduit.request("PUT", "/api/user", { token: user.token, json: { user: { username: wanted, bio: wanted } } }),
      ),
    );
    assertOneWinner(answers, 200, "username");
    const names = await Promise.all(
      users.map(async (user) => (await conduit.request("GET", "/api/user", { token: user.token })).json.user),
    );
    assert.equal(names.filter((user) => user.username === wanted).length, 1);
    assert.equal(names.filter((user) => user.bio === wanted).length, 1);
  }
});

test("favourites and follows of one user at once count once, of many users each", async () => {
  const author = await conduit.register({ username: "author" });
  const users = await Promise.all(Array.from({ length: AT_ONCE }, () => conduit.register()));
  const { slug } = await conduit.publish(author);
  const send = (user: TestUser, method: string): Promise<Answer>[] => [
    conduit.request(method, `/api/articles/${slug}/favorite`, { token: user.token }),
    conduit.request(method, "/api/profiles/author/follow", { token: user.token }),
  ];
  const count = async (): Promise<number> =>
    (await conduit.request("GET", `/api/articles/${slug}`)).json.article.favoritesCount;

  for (let round = 0; round < 5; round += 1) {
    await Promise.all(users.flatMap((user) => [...send(user, "POST"), ...send(user, "POST"), ...send(user, "POST")]));
    assert.equal(await count(), AT_ONCE);
    await Promise.all(users.flatMap((user) => [...send(user, "DELETE"), ...send(user, "DELETE")]));
    assert.equal(await count(), 0);
    await Promise.all(users.flatMap((user) => [...send(user, "POST"), ...send(user, "DELETE")]));
    recount(conduit.databasePath);
    await Promise.all(users.flatMap((user) => send(user, "DELETE")));
  }
  const rows = recount(conduit.databasePath);
  assert.deepEqual([rows.favorites, rows.follows], [0, 0]);
});

test("a deletion among comments and favourites of the same article leaves nothing behind", async () => {
  const author = await conduit.register();
  const reader = await conduit.register();
  for (let round = 0; round < 10; round += 1) {
    const { slug } = await conduit.publish(author, { tagList: ["race"] });
    const path = `/api/articles/${slug}`;
    const answers = await Promise.all([
      conduit.request("POST", `${path}/comments`, { token: reader.token, json: { comment: { body: "x" } } }),
      conduit.request("POST", `${path}/favorite`, { token: reader.token }),
      conduit.request("DELETE", path, { token: author.token }),
      conduit.request("POST", `${path}/comments`, { token: author.token, json: { comment: { body: "y" } } }),
      conduit.request("PUT", path, { token: author.token, json: { article: { tagList: ["race", "other"] } } }),
      conduit.request("POST", `${path}/favorite`, { token: author.token }),
    ]);
    for (const answer of answers) assert.ok([200, 201, 204, 404].includes(answer.status), answer.text);
  }
  const rows = recount(conduit.databasePath);
  assert.deepEqual([rows.comments, rows.favorites, rows.tags], [0, 0, 0]);
});

test("eight deletions of one article or comment at once: one 204, seven 404", async () => {
  const author = await conduit.register();
  for (let round = 0; round < 5; round += 1) {
    const { slug } = await conduit.publish(author);
    const path = `/api/articles/${slug}`;
    const comment = { token: author.token, json: { comment: { body: "x" } } };
    const { id } = (await conduit.request("POST", `${path}/comments`, comment)).json.comment;
    for (const target of [`${path}/comments/${id}`, path]) {
      const answers = await atOnce(() => conduit.request("DELETE", target, { token: author.token }));
      const statuses = answers.map((answer) => answer.status).toSorted((a, b) => a - b);
      assert.deepEqual(statuses, [204, ...Array.from({ length: AT_ONCE - 1 }, () => 404)]);
    }
  }
  recount(conduit.databasePath);
});
