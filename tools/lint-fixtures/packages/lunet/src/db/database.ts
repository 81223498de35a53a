// expect edge: use open() of lunet/db
import { DatabaseSync } from "node:sqlite";

export const memory = () => new DatabaseSync(":memory:");
