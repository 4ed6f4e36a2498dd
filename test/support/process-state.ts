// What the kernel says of a process (Linux).
import { readdirSync, readFileSync } from "node:fs";

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

/** How many descriptors it has open. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Processor time it has used. */
export function usedMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10; // utime and stime, in hundredths of a second
}

/** How long its main thread was ready to run, and had to wait for a processor. */
export function waitedMs(pid: number): number {
  const nanoseconds = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1];
  return Number(nanoseconds) / 1e6;
}
