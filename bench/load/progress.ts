// Where a long run stands: row, round, and about how long it still takes.

export interface Progress {
  row(name: string): void;
  step(text: string): void;
  note(text: string): void;
  done(): void;
}

/** `secondsOf` gives each row's rough length; what rows really took corrects the estimate. */
export function progressOn(
  out: NodeJS.WriteStream,
  names: readonly string[],
  secondsOf: (name: string) => number,
): Progress {
  const startedMs = performance.now();
  let index = -1;
  let current = "";
  const estimate = (from: number, to: number): number =>
    names.slice(from, to).reduce((sum, name) => sum + secondsOf(name), 0);
  const leftS = (): number => {
    const spentS = (performance.now() - startedMs) / 1000;
    const pace = index > 0 ? Math.max(0.5, spentS / Math.max(1, estimate(0, index + 1))) : 1;
    return Math.max(0, estimate(0, names.length) * pace - spentS);
  };
  const line = (text: string): void => {
    const where = `[${index + 1}/${names.length}] ${current}`;
    const left = leftS() > 90 ? `${Math.ceil(leftS() / 60)} min` : `${Math.ceil(leftS())} s`;
    if (out.isTTY) out.write(`\r\x1b[K${where}  ${text}  (about ${left} left)`);
    else out.write(`${where}  ${text}  (about ${left} left)\n`);
  };
  return {
    row(name) {
      index++;
      current = name;
      line("");
    },
    step: line,
    note: (text) => void out.write(out.isTTY ? `\r\x1b[K  ${text}\n` : `  ${text}\n`),
    done: () => void (out.isTTY && out.write("\r\x1b[K")),
  };
}
