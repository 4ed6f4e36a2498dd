// Errors by which the system says that this process, or this machine, has run out of something: they say nothing of the other end.

const EXHAUSTED: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** Is the error of the system one of these? */
export function isExhaustion(error: Error): boolean {
  return "code" in error && EXHAUSTED.has(error.code); // Node adds it to system errors
}
