/** Asks the trace build's server of another process, over its Unix socket. */
import { request } from "node:http";

/** More than this is not read of an answer. */
const MAX_REPLY_BYTES = 256 * 2 ** 20;

/**
 * Gets a path over a Unix socket.
 *
 * @param timeoutMs For all of it, in milliseconds.
 * @throws Error with the system's `code`; `ETIMEDOUT` when the time is over; for any status but 200.
 */
export function askSocket(socketPath: string, path: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const timedOut = Object.assign(new Error(`found no answer within ${timeoutMs} ms`), { code: "ETIMEDOUT" });
    const asked = request({ socketPath, path, agent: false });
    const timer = setTimeout(() => asked.destroy(timedOut), timeoutMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      asked.destroy();
      reject(error);
    };
    asked.on("error", fail);
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("error", fail);
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_REPLY_BYTES) fail(new Error(`found an answer of more than ${MAX_REPLY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode !== 200) return fail(new Error(`found status ${response.statusCode}: ${body.trim()}`));
        clearTimeout(timer);
        resolve(body);
      });
    });
    asked.end();
  });
}
