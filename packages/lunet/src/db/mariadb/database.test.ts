/** The suite of all databases, on a server (real-databases). */
import { databaseSuite } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import { open } from "../mod.ts";

const server = realDatabase("mariadb");

for (const shared of [2, 0]) {
  databaseSuite(
    shared === 0 ? "mariadb, each statement on a connection of its own" : "mariadb",
    async (options = {}) => {
      await server.empty();
      return open(server.url, { ...options, network: { shared, ...options.network } });
    },
    {
      keyType: "bigint auto_increment primary key",
      bytesType: "blob",
      namesForeignKeys: true,
      tellsKey: "first",
      namesIndexes: true,
      decimalType: "decimal(20, 2)",
      timeType: "datetime(3)",
      forUpdate: " for update",
    },
  );
}
