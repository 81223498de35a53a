/** The sweeps of a database, on MariaDB (real-databases). */
import { realDatabase } from "../../packages/lunet/src/testing/real-databases.ts";
import { sweepDatabase } from "./database-sweep.ts";

sweepDatabase(realDatabase("mariadb"));
