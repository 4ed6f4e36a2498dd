// Errors as the operating system reports them.

/** An error with the code and the system call that Node puts on its own. */
export function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}
