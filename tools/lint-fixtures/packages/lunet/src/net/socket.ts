// expect edge: use lunet/net
import { createConnection } from "node:net";

// expect edge: use connect() of lunet/net
export const web = () => new WebSocket("ws://127.0.0.1");
export const connect = createConnection;
