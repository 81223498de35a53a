/** Opens a database behind a network: checks the options, and loads the driver that its address needs. */
import { until } from "../../co/mod.ts";
import { checkRanges, COMMON_RANGES, type Ranges } from "../option-ranges.ts";
import type { Binding } from "../parameters.ts";
import { type NetworkAddress, parseAddress } from "./address.ts";
import type { Driver, DriverSettings } from "./connection.ts";
import { NetworkDatabase, type NetworkSettings } from "./database.ts";

/** The range of each number. */
const RANGES: Ranges<NetworkSettings> = {
  ...COMMON_RANGES,
  max: [1, 1_000],
  min: [0, 1_000],
  shared: [0, 16],
  sharedBudgetMs: [0, Infinity],
  connectTimeoutMs: [1, 2 ** 31 - 1],
  idleTimeoutMs: [1, Infinity],
  maxAgeMs: [1, Infinity],
  checkAfterMs: [0, Infinity],
  cancelTimeoutMs: [1, 2 ** 31 - 1],
};

/** Opens what `url` names, a `postgres:` or `mariadb:` address. */
export async function openNetwork(url: string, settings: NetworkSettings): Promise<NetworkDatabase> {
  const address = parseAddress(url);
  checkRanges(settings, RANGES);
  if (settings.min > settings.max) {
    throw new RangeError(
      `Cannot open a database: found ${settings.min} for "min", wanted at most "max", ${settings.max}`,
    );
  }
  const { driver, binding } = await loadDriver(address, settings);
  const database = new NetworkDatabase(address, settings, driver, binding);
  try {
    await database.warm();
    return database;
  } catch (error) {
    database.destroy();
    throw error;
  }
}

/** A program loads the package of the database that it uses, and no other. */
async function loadDriver(
  address: NetworkAddress,
  settings: DriverSettings,
): Promise<{ readonly driver: Driver; readonly binding: Binding }> {
  if (address.dialect === "postgres") {
    const { createPostgresDriver, POSTGRES_BINDING } = await until(import("../postgres/driver.ts"));
    return { driver: await createPostgresDriver(address, settings), binding: POSTGRES_BINDING };
  }
  const { createMariadbDriver, MARIADB_BINDING } = await until(import("../mariadb/driver.ts"));
  return { driver: await createMariadbDriver(address, settings), binding: MARIADB_BINDING };
}
