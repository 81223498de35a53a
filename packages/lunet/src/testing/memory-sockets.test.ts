import { memoryPair } from "./memory-sockets.ts";
import { socketSuite } from "./socket-suite.ts";

socketSuite("memory", async (options) => memoryPair(options));
