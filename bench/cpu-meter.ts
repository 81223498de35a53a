/**
 * Loaded before a server that is measured (`node --import`): answers each message of its parent with what the process has
 * used so far. It does nothing in between.
 */

/** What a process has used: CPU time in microseconds, all threads, and resident memory in bytes. */
export interface Usage {
  readonly userUs: number;
  readonly systemUs: number;
  readonly residentBytes: number;
}

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  const usage: Usage = { userUs: user, systemUs: system, residentBytes: process.memoryUsage.rss() };
  process.send?.(usage);
});

// Being asked is no reason to stay alive.
process.channel?.unref();
