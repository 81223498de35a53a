/**
 * Loaded before an example (`node --import`): a program that serves until SIGTERM gets one as soon as it listens for it.
 * Send it in the same turn: once a timer has ended the wait, nobody listens, and the signal ends the process.
 */
process.on("newListener", (name) => {
  if (name === "SIGTERM") process.nextTick(() => process.kill(process.pid, "SIGTERM"));
});
