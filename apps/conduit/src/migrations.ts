/** The steps of the schema, from the files beside the sources. */
import { fileURLToPath } from "node:url";
import { migrate, type Database, type Migration } from "lunet/db";
import { readdir, readFile } from "lunet/fs";

const DIRECTORY = new URL("../migrations/", import.meta.url);

/**
 * Brings the database to the newest schema. Each step is applied once, whoever starts first.
 *
 * @throws As `migrate` of `lunet/db`; FileError.
 */
export async function migrateSchema(database: Database): Promise<void> {
  const directory = fileURLToPath(new URL(`${database.dialect}/`, DIRECTORY));
  const migrations: Migration[] = [];
  for (const { name } of await readdir(directory)) {
    migrations.push({ name, sql: Buffer.from(await readFile(`${directory}${name}`)).toString("utf8") });
  }
  await migrate(database, migrations);
}
