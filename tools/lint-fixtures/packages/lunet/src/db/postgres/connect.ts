// This is where PostgreSQL belongs, but not MariaDB.
// expect edge: use open() of lunet/db
import { createConnection } from "mariadb";
import pg from "pg";

export const clients = () => [createConnection("mariadb://localhost"), new pg.Client()];
