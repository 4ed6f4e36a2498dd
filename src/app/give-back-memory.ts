// What malloc keeps for later.
//
// Reading five thousand rules again and again leaves tens of megabytes in the arenas of malloc, one for each thread that was busy, where other
// threads do not look for them. glibc gives them back when it is told to. Node can tell it from 26.1 on, by an interface that may still change:
// where that is not there, or not what it was, or the C library has no such function, memory stays where it is.

/** Gives free memory of this process back to the system. For threads that have nothing else to do, and that nobody hears warnings of. */
export async function giveBackMemory(): Promise<void> {
  try {
    process.removeAllListeners("warning"); // that the interface is experimental
    const { dlopen } = await import("node:ffi");
    const { functions, lib } = dlopen(null, { malloc_trim: { arguments: ["uint64"], return: "int32" } });
    functions.malloc_trim(0n);
    lib.close();
  } catch {
    // See above.
  }
}
