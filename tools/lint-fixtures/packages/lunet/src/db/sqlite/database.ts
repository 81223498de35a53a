// This is where SQLite belongs, so nothing is found here.
import { DatabaseSync } from "node:sqlite";

export const memory = () => new DatabaseSync(":memory:");
