/*
 * A throwaway nginx that runs deploy/nginx/lunet.conf, on free ports of 127.0.0.1, with its own folder, certificate and
 * logs. It never touches the system's nginx, runs as an unprivileged user, and ends with whoever started it, however that
 * ends: guardian.ts.
 *
 *   await using nginx = await NginxRun.start({ root, logs });
 *   … a program listens on nginx.socketA …; nginx.url, nginx.certificate
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { accountOf, databasesFolder, makePrivateFolder, type Account } from "../database-servers/account.ts";
import { findFreePort } from "../database-servers/free-port.ts";
import { Guardian, type GuardedProcess } from "../database-servers/guardian.ts";
import { endLeftovers } from "../database-servers/leftovers.ts";
import { createStampedFolder } from "../log-folder.ts";
import { ensureNginx } from "./install.ts";

export interface NginxOptions {
  /** The checkout. */
  readonly root: string;
  /** The folder for the guardian's log. */
  readonly logs: string;
  /** Hears what takes long or is unusual. Default: nobody. */
  readonly say?: (text: string) => void;
}

/** The name in the certificate and in the configuration. */
export const SERVER_NAME = "example.com";
/** Who runs web servers on Debian. */
const USER = "www-data";
const READY_TIMEOUT_MS = 10_000;
const OPENSSL_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

export class NginxRun implements AsyncDisposable {
  /** The run's own folder, which goes with it. */
  readonly folder: string;
  /** Of `https://example.com`, at 127.0.0.1. */
  readonly tlsPort: number;
  /** Of `http://example.com`, which leads to the other. */
  readonly plainPort: number;
  /** What a client has to trust, in PEM. */
  readonly certificate: string;
  readonly #guardian: Guardian;
  #process: GuardedProcess | undefined;

  private constructor(folder: string, ports: readonly [tls: number, plain: number], guardian: Guardian) {
    this.folder = folder;
    [this.tlsPort, this.plainPort] = ports;
    this.#guardian = guardian;
    this.certificate = readFileSync(join(folder, "fullchain.pem"), "utf8");
  }

  /** The sockets on which a program listens that nginx is in front of. */
  get socketA(): string {
    return join(this.folder, "a.sock");
  }

  get socketB(): string {
    return join(this.folder, "b.sock");
  }

  /** The numbers of nginx and of the guardian that owns it. */
  get pids(): { readonly nginx: number; readonly guardian: number } {
    return { nginx: this.#process?.pid ?? 0, guardian: this.#guardian.pid };
  }

  /** The access log so far, by line. */
  get accessLog(): string[] {
    return readFileSync(join(this.folder, "work", "access.log"), "utf8")
      .split("\n")
      .slice(0, -1);
  }

  /** What nginx had to say of errors. */
  get errorLog(): string {
    return readFileSync(join(this.folder, "work", "error.log"), "utf8");
  }

  /**
   * Starts nginx and waits until it listens.
   *
   * @throws MissingProgramsError with what to install; Error with nginx's own words when it does not start.
   */
  static async start({ root, logs, say = () => {} }: NginxOptions): Promise<NginxRun> {
    const programs = ensureNginx(say);
    const runs = databasesFolder(root);
    await endLeftovers(runs);
    const folder = createStampedFolder(runs);
    chmodSync(folder, 0o755);
    mkdirSync(logs, { recursive: true });
    const guardian = new Guardian(folder, join(logs, "guardian.log"));
    try {
      const account = process.getuid?.() === 0 ? accountOf(USER) : undefined;
      makeCertificate(programs.openssl, folder);
      const taken = new Set<number>();
      const ports = [await findFreePort(taken), await findFreePort(taken)] as const;
      writeConfiguration(root, folder, ports, account);
      const run = new NginxRun(folder, ports, guardian);
      await run.#start(programs.nginx, account);
      return run;
    } catch (error) {
      await guardian.close();
      throw error;
    }
  }

  async #start(program: string, account: Account | undefined): Promise<void> {
    const log = join(this.folder, "output.log");
    this.#process = await this.#guardian.run({
      program,
      args: ["-p", this.folder, "-c", join(this.folder, "nginx.conf"), "-e", join(this.folder, "work", "error.log")],
      cwd: this.folder,
      environment: { PATH: process.env["PATH"] ?? "" },
      log,
      account,
      stopSignal: "SIGTERM",
    });
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (!(await canConnect(this.tlsPort))) {
      if (!this.#process.isRunning || performance.now() > deadline)
        throw new Error(`Cannot start nginx: ${readFileSync(log, "utf8").trim() || "it does not listen"}`);
      await sleep(POLL_MS);
    }
  }

  /** Lets nginx's user connect to a socket that a program has made. */
  open(socket: string): void {
    chmodSync(socket, 0o666);
  }

  /** Stops nginx and takes its folder away. */
  async close(): Promise<void> {
    await this.#guardian.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function makeCertificate(openssl: string, folder: string): void {
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const files = ["-keyout", join(folder, "privkey.pem"), "-out", join(folder, "fullchain.pem")];
  const names = ["-subj", `/CN=${SERVER_NAME}`, "-addext", `subjectAltName=DNS:${SERVER_NAME}`];
  const { status, stderr } = spawnSync(openssl, [...args, ...files, ...names], {
    encoding: "utf8",
    timeout: OPENSSL_TIMEOUT_MS,
  });
  if (status !== 0) throw new Error(`Cannot make a certificate: ${stderr}`);
  // A key for two days and for this machine alone; nginx's user has to read it.
  chmodSync(join(folder, "privkey.pem"), 0o644);
}

/** The configuration that is deployed, with this run's paths and ports, and what Debian's nginx.conf has around it. */
function writeConfiguration(
  root: string,
  folder: string,
  [tlsPort, plainPort]: readonly [tls: number, plain: number],
  account: Account | undefined,
): void {
  const work = join(folder, "work");
  makePrivateFolder(work, account);
  const places: Readonly<Record<string, string>> = {
    "/run/lunet/a.sock": join(folder, "a.sock"),
    "/run/lunet/b.sock": join(folder, "b.sock"),
    "listen 80": `listen 127.0.0.1:${plainPort}`,
    "listen 443": `listen 127.0.0.1:${tlsPort}`,
    "/etc/nginx/lunet/": `${folder}/`,
    "/var/log/nginx/lunet.log": join(work, "access.log"),
  };
  let text = readFileSync(join(root, "deploy", "nginx", "lunet.conf"), "utf8");
  for (const [from, to] of Object.entries(places)) {
    if (!text.includes(from)) throw new Error(`Cannot place deploy/nginx/lunet.conf: found no "${from}" in it`);
    text = text.replaceAll(from, to);
  }
  writeFileSync(join(folder, "lunet.conf"), text);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `  ${kind}_temp_path ${join(work, kind)};`,
  );
  const around = [
    "daemon off;",
    "worker_processes 1;",
    `pid ${join(work, "nginx.pid")};`,
    "events { worker_connections 1024; }",
    "http {",
    ...temporary,
    "  access_log off;",
    `  include ${join(folder, "lunet.conf")};`,
    "}",
  ];
  writeFileSync(join(folder, "nginx.conf"), `${around.join("\n")}\n`);
}

function canConnect(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: "127.0.0.1", port });
  socket.once("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.once("error", () => resolve(false));
  return promise;
}
