/**
 * Loaded before an example (`node --import`): a program that serves until SIGTERM gets one as soon as it listens for it.
 */
process.on("newListener", (name) => {
  if (name === "SIGTERM") setImmediate(() => process.kill(process.pid, "SIGTERM"));
});
