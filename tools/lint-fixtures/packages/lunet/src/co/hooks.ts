// expect edge: cost 10 to 300 times a wait; use AsyncLocalStorage
import { executionAsyncId } from "node:async_hooks";

export const id = executionAsyncId;
