export { TRACE } from "./off.ts";
