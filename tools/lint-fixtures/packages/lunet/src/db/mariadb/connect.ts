// This is where MariaDB belongs, so nothing is found here.
import { createConnection } from "mariadb";

export const client = () => createConnection("mariadb://localhost");
