/** What the system says of the thread that asks. Each question costs about a microsecond. */

export interface ThreadUsage {
  /** The processor's time that the thread has used, in milliseconds. */
  cpuMs(): number;
  /** How often the process, all threads, has read from a disk; where the system does not tell these apart, from a file. */
  diskReads(): number;
}

const US_PER_MS = 1_000;

export const threadUsage: ThreadUsage = {
  cpuMs: () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / US_PER_MS;
  },
  diskReads: () => process.resourceUsage().fsRead,
};
