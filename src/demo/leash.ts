// Ties a process of the demo to the one that started it: however that one ends, killed or closed with its terminal, this one ends too.

/** Calls `end` when the process that started this one is gone. Does not keep this process alive. */
export function onOrphaned(end: () => void): void {
  process.on("disconnect", end);
  process.channel?.unref();
}
