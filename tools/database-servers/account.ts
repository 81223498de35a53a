/*
 * As whom database servers run, and where. PostgreSQL refuses to run as root, so under root each server runs as the
 * system's user of its name; otherwise as we are.
 */
import { spawnSync } from "node:child_process";
import { chownSync, lstatSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ServerKind } from "./install.ts";

/** The user of a process. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const USERS: Readonly<Record<ServerKind, string>> = { postgres: "postgres", mariadb: "mysql" };
const ID_TIMEOUT_MS = 5_000;

/** As whom servers of a kind run: undefined stands for the user that we are. */
export function serverAccount(kind: ServerKind): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return accountOf(USERS[kind]);
}

/** The account of a user of the system. */
export function accountOf(user: string): Account {
  return { uid: readId(user, "-u"), gid: readId(user, "-g") };
}

function readId(user: string, option: "-u" | "-g"): number {
  const { status, stdout } = spawnSync("id", [option, user], { encoding: "utf8", timeout: ID_TIMEOUT_MS });
  if (status !== 0) throw new Error(`Cannot run a server as root: found no user "${user}" to run it as`);
  return Number(stdout);
}

/**
 * The folder for the data of servers: `.tmp/databases` below `root`, or one in the system's folder for temporary files
 * when other users cannot get to that one and servers run as such.
 */
export function databasesFolder(root: string): string {
  const own = join(root, ".tmp", "databases");
  mkdirSync(own, { recursive: true });
  if (process.getuid?.() !== 0 || isOpenToAll(own)) return own;
  const shared = join(tmpdir(), "lunet-databases");
  mkdirSync(shared, { recursive: true, mode: 0o755 });
  // In a folder that all may write to the name may be somebody else's already.
  const found = lstatSync(shared);
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0 || !isOpenToAll(shared))
    throw new Error(
      `Cannot keep data in "${shared}": found another user's, wanted a folder of our own that all can enter`,
    );
  return shared;
}

/** Whether every user may go through the folder and all above it. */
function isOpenToAll(folder: string): boolean {
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Makes a folder that is the account's alone. */
export function makePrivateFolder(folder: string, account: Account | undefined): void {
  mkdirSync(folder, { mode: 0o700 });
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
}
