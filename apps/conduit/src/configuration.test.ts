import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigurationError, helpText, readConfiguration, settings, type Configuration } from "./configuration.ts";

const SECRET = "3q2+7wAAECAwQFBgcICQoLDA0ODwQ2hlY2tlZA==";

function read(args: string[] = [], environment: Record<string, string> = {}): Configuration {
  const configuration = readConfiguration(args, environment);
  assert.notEqual(configuration, "help");
  return configuration as Configuration;
}

test("everything has a default but the secret and the socket", () => {
  assert.deepEqual(read(), {
    host: "127.0.0.1",
    port: 8080,
    unixSocket: undefined,
    trustedProxies: [],
    databaseUrl: "sqlite:data/conduit.db",
    databasePool: 10,
    jwtSecret: undefined,
    tokenDays: 7,
    loginLimit: 0,
    logLevel: "info",
    graceMs: 10_000,
    passwordConcurrency: 0,
    workers: 1,
    synchronous: "full",
    keptAnswersMib: 16,
    eventStreams: 1_000,
    web: join(import.meta.dirname, "../../conduit-web/dist"),
    images: "https",
    dangerouslySkipLoopbackRestriction: false,
  });
});

test("a flag wins over a variable, and a variable over the default", () => {
  assert.equal(read([], { PORT: "9000" }).port, 9000);
  assert.equal(read(["--port", "9001"], { PORT: "9000" }).port, 9001);
  assert.equal(read(["--port=9001"], { PORT: "rubbish" }).port, 9001);
  assert.equal(read([], { PORT: "" }).port, 8080);
  assert.equal(read(["--dangerously-skip-loopback-restriction"]).dangerouslySkipLoopbackRestriction, true);
});

test("a wrong value is told with what was found and what is wanted", () => {
  const cases: Array<[string[], Record<string, string>, RegExp]> = [
    [[], { PORT: "80a" }, /^Cannot use PORT: found "80a", wanted a whole number from 0 to 65535$/],
    [[], { PORT: "65536" }, /PORT: found "65536"/],
    [["--port=-1"], {}, /^Cannot use --port: found "-1", wanted a whole number/],
    [[], { PORT: "1e3" }, /PORT/],
    [[], { HOST: " " }, /^Cannot use HOST: found " ", wanted an address/],
    [[], { LOG_LEVEL: "loud" }, /^Cannot use LOG_LEVEL: found "loud", wanted one of silent, error, warn, info, debug$/],
    [
      [],
      { DATABASE_URL: "mysql://x" },
      /^Cannot use DATABASE_URL: found "mysql:…", wanted sqlite:.*postgres:.*mariadb:/,
    ],
    [[], { DATABASE_URL: "conduit.db" }, /^Cannot use DATABASE_URL: found "conduit.db", wanted/],
    [[], { DATABASE_URL: "sqlite:" }, /DATABASE_URL/],
    [[], { DATABASE_POOL: "0" }, /DATABASE_POOL: found "0", wanted a whole number from 1 to 1000$/],
    [["--database-pool=1001"], {}, /--database-pool/],
    [[], { DATABASE_URL: "sqlite::memory:" }, /DATABASE_URL/],
    [[], { TOKEN_DAYS: "0" }, /TOKEN_DAYS/],
    [[], { LOGIN_LIMIT: "100001" }, /LOGIN_LIMIT/],
    [
      [],
      { TRUSTED_PROXIES: "unix, proxy.example" },
      /^Cannot use TRUSTED_PROXIES: found "unix, proxy.example", wanted unix, IP/,
    ],
    [["--trusted-proxies=10.0.0.0/33"], {}, /--trusted-proxies/],
    [[], { GRACE_MS: "600001" }, /GRACE_MS/],
    [[], { SYNCHRONOUS: "off" }, /SYNCHRONOUS/],
    [[], { EVENT_STREAMS: "100001" }, /EVENT_STREAMS: found "100001", wanted a whole number from 0 to 100000$/],
    [["--images", "all"], {}, /^Cannot use --images: found "all", wanted one of https, self$/],
    [[], { WORKERS: "0" }, /WORKERS: found "0", wanted a whole number from 1 to 256$/],
    [["--workers=257"], {}, /--workers/],
    [["--prot=1"], {}, /^Cannot use "--prot=1": found no such flag, wanted one of those that --help lists$/],
    [["8080"], {}, /found no such flag/],
    [["--port"], {}, /^Cannot use --port: found no value, wanted --port=<value>$/],
    [["--dangerously-skip-loopback-restriction=no"], {}, /found a value, wanted none/],
    [["--jwt-secret=x"], {}, /found no such flag/],
  ];
  for (const [args, environment, message] of cases) {
    assert.throws(
      () => readConfiguration(args, environment),
      (error) => error instanceof ConfigurationError && message.test(error.message),
      String(message),
    );
  }
});

test("the web UI has a folder, which is not the working directory's unless it is named so, or is none", () => {
  assert.equal(read([], { WEB: "public" }).web, join(process.cwd(), "public"));
  assert.equal(read([], { WEB: "/srv/conduit" }).web, "/srv/conduit");
  assert.equal(read(["--web=none"], { WEB: "public" }).web, undefined);
  assert.equal(read(["--web=./none"]).web, join(process.cwd(), "none"));
});

test("the address of a server is taken as it is, and one that is refused shows no password", () => {
  for (const url of ["postgres://u:p@h/d", "postgresql://u@a,b:5433/d?sslmode=disable", "mariadb://u@h/d"]) {
    assert.equal(read([], { DATABASE_URL: url }).databaseUrl, url);
  }
  for (const url of ["mysql://u:sesame@h/d", "u:sesame@h/d", "postgres:u:sesame@h", "Postgres://u:sesame@h/d"]) {
    assert.throws(
      () => readConfiguration([], { DATABASE_URL: url }),
      (error) => error instanceof ConfigurationError && !error.message.includes("sesame"),
      url,
    );
  }
});

test("a secret that is short or known is refused and not repeated", () => {
  const weak = [
    "secret",
    "x9".repeat(15) + "x",
    "changeme-changeme-changeme-changeme",
    "CHANGE_ME_before_you_put_this_online!",
    "conduit-secret-key-change-in-production",
    "secretsecretsecretsecretsecretsecret",
    "your-super-long-secret-key-for-tokens",
    "a-string-secret-at-least-256-bits-long",
  ];
  for (const secret of weak) {
    assert.throws(
      () => readConfiguration([], { JWT_SECRET: secret }),
      (error) =>
        error instanceof ConfigurationError &&
        /^Cannot use JWT_SECRET: found \d+ bytes that are too easy to guess, wanted at least 32 bytes/.test(
          error.message,
        ) &&
        !error.message.includes(secret),
      secret,
    );
  }
  assert.equal(read([], { JWT_SECRET: SECRET }).jwtSecret, SECRET);
  assert.equal(read([], { JWT_SECRET: "0123456789abcdef0123456789abcdef" }).jwtSecret?.length, 32);
  assert.equal(read([], { JWT_SECRET: "ü".repeat(16) }).jwtSecret, "ü".repeat(16));
});

test("help lists every flag and every variable", () => {
  assert.equal(readConfiguration(["--help", "--port=rubbish"], {}), "help");
  for (const { flag, variable } of Object.values(settings)) {
    if (flag !== undefined) assert.ok(helpText().includes(`--${flag}`), flag);
    if (variable !== undefined) assert.ok(helpText().includes(variable), variable);
  }
});
