/** Conduit goes on when its MariaDB crashes or hangs. Starts its server by database-servers/, in database-crash.ts. */
import { testDatabaseCrash } from "./database-crash.ts";

await testDatabaseCrash("mariadb");
