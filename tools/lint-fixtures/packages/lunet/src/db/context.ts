// expect edge: use spawn(), scope() or captureContext() of lunet
import { AsyncLocalStorage } from "node:async_hooks";

export const ambient = new AsyncLocalStorage<string>();
