/** The sweeps of a database, on PostgreSQL (real-databases). */
import { realDatabase } from "../../packages/lunet/src/testing/real-databases.ts";
import { sweepDatabase } from "./database-sweep.ts";

sweepDatabase(realDatabase("postgres"));
