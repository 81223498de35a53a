/*
 * Data folders that are made once and copied: a fresh server then takes a copy, not an installation. A template is kept
 * for each version of the programs and each recipe.
 */
import { createHash, randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Account, makePrivateFolder } from "./account.ts";
import { runProgram } from "./run-program.ts";

const COPY_TIMEOUT_MS = 30_000;
const PASSWORD = "password";

/** How a template is made. */
export interface TemplateRecipe {
  /** For people, at the front of the template's name: `postgres`. */
  readonly name: string;
  /** Everything that the content depends on, for example a version. Another text makes another template. */
  readonly key: string;
  readonly account: Account | undefined;
  /** Fills `data`, an empty folder of the account's, and gives `lunet` the password, which stands in the file, too. */
  make(data: string, password: string, passwordFile: string): Promise<void>;
}

/** A data folder for one server. */
export interface DataFolder {
  readonly data: string;
  /** Of the account `lunet` in it. */
  readonly password: string;
}

/** Returns a fresh data folder, `<folder>/data`, after the recipe. `databases` is where templates are kept. */
export async function copyTemplate(databases: string, folder: string, recipe: TemplateRecipe): Promise<DataFolder> {
  const template = templateFolder(databases, recipe);
  if (!existsSync(template)) await makeTemplate(template, `${folder}-template`, recipe);
  makePrivateFolder(folder, recipe.account);
  // As the account, so that the copy is the account's; giving files away takes more rights.
  const args = ["-a", join(template, "data"), join(folder, "data")];
  await runProgram({ program: "cp", args, cwd: folder, account: recipe.account, limitMs: COPY_TIMEOUT_MS });
  return { data: join(folder, "data"), password: readFileSync(join(template, PASSWORD), "utf8") };
}

function templateFolder(databases: string, { name, key, account }: TemplateRecipe): string {
  const content = `${key}\n${account?.uid ?? "self"}`;
  return join(databases, `template-${name}-${createHash("sha256").update(content).digest("hex").slice(0, 12)}`);
}

/** It is made in the run's own folder, so that what is left half made goes with the run. */
async function makeTemplate(template: string, making: string, recipe: TemplateRecipe): Promise<void> {
  mkdirSync(making, { mode: 0o755 });
  const password = randomBytes(18).toString("base64url");
  const passwordFile = join(making, PASSWORD);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (recipe.account !== undefined) chownSync(passwordFile, recipe.account.uid, recipe.account.gid);
  makePrivateFolder(join(making, "data"), recipe.account);
  await recipe.make(join(making, "data"), password, passwordFile);
  try {
    renameSync(making, template);
  } catch (error) {
    // Another run was faster, and its template is as good.
    if (!existsSync(template)) throw error;
  }
}
