/** Which versions of Node the runtime runs on. */

const LEAST = [24, 7] as const;

/** Why a version of Node is not enough; undefined for one that is. */
export function refuseNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = LEAST;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return undefined;
  return `Cannot run on this Node: found ${version}, wanted ${LEAST.join(".")} or later`;
}
