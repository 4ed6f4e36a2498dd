// A folder in memory, for log files that are moved away, rolled, emptied and removed.
import type { LineFile, LineFiles } from "../../src/telemetry/line-file.ts";

interface FakeFile {
  text: string;
  writtenMs: number;
}

/** Files by name, and the one among them that is written to. */
export class FakeLogDisk implements LineFiles {
  readonly files = new Map<string, FakeFile>();
  readonly name: string;
  readonly #epochMs: () => number;
  /** The errors of the next calls. */
  readonly broken: { rename?: Error; remove?: Error; write?: Error } = {};
  /** How many bytes a write takes at most. */
  takes = Number.POSITIVE_INFINITY;
  renames = 0;
  handles = 0;

  constructor(name: string, epochMs: () => number) {
    this.name = name;
    this.#epochMs = epochMs;
  }

  /** What the files contain. */
  get texts(): Record<string, string> {
    return Object.fromEntries([...this.files.keys()].sort().map((name) => [name, this.files.get(name)?.text ?? ""]));
  }

  async open(empty: boolean): Promise<LineFile> {
    const file = this.files.get(this.name) ?? { text: "", writtenMs: this.#epochMs() };
    this.files.set(this.name, file);
    if (empty) file.text = "";
    this.handles++;
    return {
      write: async (buffer, start, length) => {
        if (this.broken.write !== undefined) throw this.broken.write;
        const taken = Math.min(length, this.takes);
        file.text += buffer.toString("latin1", start, start + taken);
        file.writtenMs = this.#epochMs();
        return taken;
      },
      isStillThere: async () => this.files.get(this.name) === file,
      content: async () => ({ bytes: file.text.length, writtenMs: file.writtenMs }),
      close: async () => void this.handles--,
    };
  }

  async names(): Promise<string[]> {
    return [...this.files.keys()];
  }

  async rename(to: string): Promise<void> {
    this.renames++;
    if (this.broken.rename !== undefined) throw this.broken.rename;
    const file = this.files.get(this.name);
    if (file === undefined) throw new Error("ENOENT");
    this.files.delete(this.name);
    this.files.set(to, file);
  }

  async remove(name: string): Promise<void> {
    if (this.broken.remove !== undefined) throw this.broken.remove;
    this.files.delete(name);
  }

  isBusy(): boolean {
    return false;
  }
}
