// expect edge: use open() of lunet/db
import { createConnection } from "mariadb";
// expect edge: use open() of lunet/db
import pg from "pg";

export const clients = () => [createConnection("mariadb://localhost"), new pg.Client()];
