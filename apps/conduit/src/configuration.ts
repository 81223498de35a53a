/** What the program can be told at its start, by environment variables and flags, as one table. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AddressSet } from "lunet/net";
import type { ImageSources } from "./web-ui.ts";

/** A value that the program cannot start with; `message` says what was found, what is wanted and what to do. */
export class ConfigurationError extends Error {
  readonly code = "ERR_CONFIGURATION";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigurationError";
  }
}

export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** The checked configuration. Flags win over environment variables, and those over the defaults. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  readonly unixSocket: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly databaseUrl: string;
  readonly databasePool: number;
  readonly jwtSecret: string | undefined;
  readonly tokenDays: number;
  readonly loginLimit: number;
  readonly logLevel: LogLevel;
  readonly graceMs: number;
  readonly passwordConcurrency: number;
  readonly workers: number | "auto";
  readonly synchronous: "full" | "normal";
  readonly keptAnswersMib: number;
  readonly eventStreams: number;
  /** The folder of the built web UI; undefined for none. */
  readonly web: string | undefined;
  readonly images: ImageSources;
  readonly dangerouslySkipLoopbackRestriction: boolean;
}

/** One row of the table: a setting with its flag, its variable and its default. */
export interface Setting<T> {
  /** The flag without `--`; none for what must not stand in a list of processes. */
  readonly flag?: string;
  readonly variable?: string;
  /** As it would be written; empty for none. */
  readonly default: string;
  readonly meaning: string;
  /** A setting without a value: it is on when its flag is given. */
  readonly isSwitch?: boolean;
  /** What of a wrong value may stand in a message. Default: all of it. */
  readonly shown?: (text: string) => string;
  /** Gives the value of a text, or throws a `Wanted`. */
  readonly parse: (text: string) => T;
}

/** Thrown by a parser: what it wanted instead. */
class Wanted extends Error {}

/** Where `make web` builds the web UI. */
const BUILT_WEB_UI = fileURLToPath(new URL("../../conduit-web/dist", import.meta.url));

const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

export const settings: { readonly [K in keyof Configuration]: Setting<Configuration[K]> } = {
  host: {
    flag: "host",
    variable: "HOST",
    default: "127.0.0.1",
    meaning: "address to listen on; other than loopback needs --dangerously-skip-loopback-restriction",
    parse: (text) => nonEmpty(text, "an address such as 127.0.0.1, ::1 or localhost"),
  },
  port: {
    flag: "port",
    variable: "PORT",
    default: "8080",
    meaning: "TCP port; 0 takes a free one",
    parse: (text) => wholeNumber(text, 0, 65_535),
  },
  unixSocket: {
    flag: "unix-socket",
    variable: "UNIX_SOCKET",
    default: "",
    meaning: "path of a Unix socket to listen on instead of host and port",
    parse: (text) => (text === "" ? undefined : text),
  },
  trustedProxies: {
    flag: "trusted-proxies",
    variable: "TRUSTED_PROXIES",
    default: "",
    meaning: "proxies whose X-Forwarded-For and X-Request-Id count, with commas between: unix, addresses, networks",
    parse: proxies,
  },
  databaseUrl: {
    flag: "database-url",
    variable: "DATABASE_URL",
    default: "sqlite:data/conduit.db",
    meaning:
      "the database: `sqlite:` and the path of its file, `postgres://user@host/name` or `mariadb://user@host/name`",
    parse: databaseUrl,
    shown: withoutAccount,
  },
  databasePool: {
    flag: "database-pool",
    variable: "DATABASE_POOL",
    default: "10",
    meaning: "the most connections to PostgreSQL or MariaDB that transactions and long statements have, 1 to 1000",
    parse: (text) => wholeNumber(text, 1, 1_000),
  },
  jwtSecret: {
    variable: "JWT_SECRET",
    default: "",
    meaning: "key that signs the session tokens, at least 32 bytes; without it one is made and kept with the database",
    parse: secret,
  },
  tokenDays: {
    flag: "token-days",
    variable: "TOKEN_DAYS",
    default: "7",
    meaning: "days that a session token is good for, 1 to 365",
    parse: (text) => wholeNumber(text, 1, 365),
  },
  loginLimit: {
    flag: "login-limit",
    variable: "LOGIN_LIMIT",
    default: "0",
    meaning: "log-ins and registrations that one address may try per minute, 0 to 100000; 0 sets no limit",
    parse: (text) => wholeNumber(text, 0, 100_000),
  },
  logLevel: {
    flag: "log-level",
    variable: "LOG_LEVEL",
    default: "info",
    meaning: "least level that is logged: silent, error, warn, info (one line per request) or debug",
    parse: (text) => oneOf(text, LOG_LEVELS),
  },
  graceMs: {
    flag: "grace-ms",
    variable: "GRACE_MS",
    default: "10000",
    meaning: "milliseconds that requests may take to end after SIGTERM or SIGINT, 0 to 600000",
    parse: (text) => wholeNumber(text, 0, 600_000),
  },
  passwordConcurrency: {
    flag: "password-concurrency",
    variable: "PASSWORD_CONCURRENCY",
    default: "0",
    meaning: "passwords that are hashed at once, 1 to 64; 0 takes the number of processors, at most 3",
    parse: (text) => wholeNumber(text, 0, 64),
  },
  workers: {
    flag: "workers",
    variable: "WORKERS",
    default: "1",
    meaning: "processes that serve on the one port, 1 to 256, or auto for one per processor; several have a supervisor",
    parse: (text) => (text === "auto" ? text : wholeNumber(text, 1, 256)),
  },
  synchronous: {
    flag: "synchronous",
    variable: "SYNCHRONOUS",
    default: "full",
    meaning: "full: a write is answered when it is safe from a power cut; normal: from a crash of the process only",
    parse: (text) => oneOf(text, ["full", "normal"] as const),
  },
  keptAnswersMib: {
    flag: "kept-answers-mib",
    variable: "KEPT_ANSWERS_MIB",
    default: "16",
    meaning: "MiB of answers to anonymous readers that are kept until something is written, 0 to 4096; 0 keeps none",
    parse: (text) => wholeNumber(text, 0, 4_096),
  },
  eventStreams: {
    flag: "event-streams",
    variable: "EVENT_STREAMS",
    default: "1000",
    meaning: "streams of live events that a process keeps open, 0 to 100000; 0 has none",
    parse: (text) => wholeNumber(text, 0, 100_000),
  },
  web: {
    flag: "web",
    variable: "WEB",
    default: "",
    meaning: "folder of the built web UI, or none to serve no UI; without it what `make web` has built",
    parse: (text) => (text === "none" ? undefined : text === "" ? BUILT_WEB_UI : resolve(text)),
  },
  images: {
    flag: "images",
    variable: "IMAGES",
    default: "https",
    meaning: "where pages of the web UI may load images from: https, any site that has TLS; self, this server alone",
    parse: (text) => oneOf(text, ["https", "self"] as const),
  },
  dangerouslySkipLoopbackRestriction: {
    flag: "dangerously-skip-loopback-restriction",
    default: "",
    meaning: "allows any address as host; TLS and the internet belong to a proxy in front",
    isSwitch: true,
    parse: (text) => text !== "",
  },
};

function nonEmpty(text: string, wanted: string): string {
  if (text.trim() === "" || text !== text.trim()) throw new Wanted(wanted);
  return text;
}

function wholeNumber(text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) throw new Wanted(`a whole number from ${min} to ${max}`);
  return value;
}

function oneOf<const T extends string>(text: string, values: readonly T[]): T {
  const value = values.find((candidate) => candidate === text);
  if (value === undefined) throw new Wanted(`one of ${values.join(", ")}`);
  return value;
}

function proxies(text: string): readonly string[] {
  const members = text.split(",").map((member) => member.trim());
  if (text === "") return [];
  try {
    void new AddressSet(members.filter((member) => member !== "unix"));
  } catch {
    throw new Wanted("unix, IP addresses, and networks such as 10.0.0.0/8, with commas between");
  }
  return members;
}

/** The path of a file is checked here; what a server's address has to be, the runtime knows. */
function databaseUrl(text: string): string {
  const isFile = /^sqlite:[^:?][^?]*$/.test(text);
  if (!isFile && !/^(?:postgres|postgresql|mariadb):\/\/./.test(text)) {
    throw new Wanted(
      "sqlite: and the path of a file, such as sqlite:data/conduit.db, or postgres://user@host/database, or mariadb://user@host/database",
    );
  }
  return text;
}

/** An address with nothing behind its scheme, because a password may stand there. */
function withoutAccount(text: string): string {
  return /[@/]/.test(text) ? `${/^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0] ?? ""}…` : text;
}

/** Texts that documentation, examples and jwt.io have where a secret belongs, and one such word again and again. */
const SAMPLE_SECRETS = [
  /change[^a-z0-9]*(?:me|it|this|in\b)/i,
  /^your[^a-z0-9]/i,
  /^a-(?:valid-)?string-secret/i,
  /^(?:(?:secret|password|default|example|jwt|token|key|test)[^a-z0-9]*)+$/i,
];

function secret(text: string): string | undefined {
  if (text === "") return undefined;
  if (Buffer.byteLength(text, "utf8") < 32 || SAMPLE_SECRETS.some((sample) => sample.test(text))) {
    throw new Wanted("at least 32 bytes that nobody can guess, as `openssl rand -base64 48` prints them");
  }
  return text;
}

/**
 * Reads the configuration from flags (`--port 8080`, `--port=8080`) and environment variables. An empty variable counts
 * as not set.
 *
 * @returns The configuration, or `"help"` when it is asked for.
 * @throws ConfigurationError for an unknown flag or a value that cannot be used.
 */
export function readConfiguration(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Configuration | "help" {
  const flags = readFlags(args);
  if (flags === "help") return "help";
  const configuration: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings) as Array<[string, Setting<unknown>]>) {
    const flag = setting.flag === undefined ? undefined : flags.get(setting.flag);
    const variable = setting.variable === undefined ? undefined : environment[setting.variable] || undefined;
    const source = flag === undefined && variable !== undefined ? setting.variable! : `--${setting.flag}`;
    configuration[name] = parse(setting, source, flag ?? variable ?? setting.default);
  }
  return configuration as unknown as Configuration;
}

function parse(setting: Setting<unknown>, source: string, text: string): unknown {
  try {
    return setting.parse(text);
  } catch (error) {
    if (!(error instanceof Wanted)) throw error;
    // A secret does not belong on a screen or in a log.
    const found =
      setting.flag === undefined
        ? `${Buffer.byteLength(text)} bytes that are too easy to guess`
        : JSON.stringify(setting.shown?.(text) ?? text);
    throw new ConfigurationError(`Cannot use ${source}: found ${found}, wanted ${error.message}`, { cause: error });
  }
}

function readFlags(args: readonly string[]): Map<string, string> | "help" {
  const byFlag = new Map(Object.values(settings as Record<string, Setting<unknown>>).map((each) => [each.flag, each]));
  const flags = new Map<string, string>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--help" || arg === "-h") return "help";
    const [, flag = "", value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const setting = byFlag.get(flag);
    if (flag === "" || setting === undefined) {
      throw new ConfigurationError(
        `Cannot use ${JSON.stringify(arg)}: found no such flag, wanted one of those that --help lists`,
      );
    }
    if (setting.isSwitch === true && value !== undefined) {
      throw new ConfigurationError(`Cannot use --${flag}: found a value, wanted none`);
    }
    const given = setting.isSwitch === true ? "on" : (value ?? rest.shift());
    if (given === undefined)
      throw new ConfigurationError(`Cannot use --${flag}: found no value, wanted --${flag}=<value>`);
    flags.set(flag, given);
  }
  return flags;
}

/** What `--help` prints. */
export function helpText(): string {
  const rows = Object.values(settings as Record<string, Setting<unknown>>).map((setting): [string, string] => {
    const flag = setting.flag === undefined ? "" : `--${setting.flag}`;
    const names = [flag, setting.variable ?? ""].filter((name) => name !== "").join(", ");
    return [names, `${setting.meaning}${setting.default === "" ? "" : ` (default ${setting.default})`}`];
  });
  const width = Math.max(...rows.map(([names]) => names.length));
  const lines = rows.map(([names, meaning]) => `  ${names.padEnd(width)}  ${meaning}\n`);
  return `Usage: conduit [flags]\n\nServes the Conduit API and its web UI. Each setting is a flag or an environment variable; the flag wins.\n\n${lines.join("")}  ${"--help".padEnd(width)}  prints this\n`;
}
