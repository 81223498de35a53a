/** What the peers on Bun use of it. Its own types would come into every file of the project, and change Node's. */

interface BunServer {
  readonly port: number;
}

interface BunRuntime {
  serve(options: {
    hostname: string;
    port: number;
    /** Seconds. */
    idleTimeout?: number;
    fetch: (request: Request) => Response | Promise<Response>;
  }): BunServer;
  gc(isForced: boolean): void;
}

/** The global `Bun`, where there is one. */
export const bun = (globalThis as { Bun?: BunRuntime }).Bun;
