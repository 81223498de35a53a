/** The suite of databases behind a network, on a server (real-databases). */
import { networkSuite } from "../../testing/network-suite.ts";
import { realDatabase } from "../../testing/real-databases.ts";

networkSuite(realDatabase("mariadb"), {
  keyType: "bigint auto_increment primary key",
  sleep: "select sleep(?)",
  connectionId: "select connection_id()",
  running: `select info as \`sql\` from information_schema.processlist
    where db = database() and command in ('Query', 'Execute') and id <> connection_id()`,
  connections: (name) => `select id from information_schema.processlist where db = '${name}' and id <> connection_id()`,
  kill: (id) => `kill ${id}`,
  setting: { change: "set session lock_wait_timeout = 1234", read: "select @@lock_wait_timeout", untouched: 86_400 },
  schemaCommits: true,
});
