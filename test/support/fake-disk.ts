// A file system in memory, with links, renames and change events, for tests of what watches files.
import { basename, dirname, join } from "node:path";
import type { Disk, FileFacts } from "../../src/namers/fs/disk.ts";

type Node =
  | { readonly kind: "file"; readonly id: number; text: string; version: number }
  | { readonly kind: "directory"; readonly id: number; readonly children: Map<string, Node> }
  | { readonly kind: "link"; readonly id: number; readonly target: string };

type Directory = Extract<Node, { kind: "directory" }>;

interface Watch {
  readonly path: string;
  readonly directory: Directory;
  readonly changed: (name: string | undefined) => void;
}

/** Answers asynchronously, as a disk does. */
export class FakeDisk implements Disk {
  /** How many files were read. */
  reads = 0;
  /** Whether directories can be watched. */
  watchable = true;
  /** Paths at which nothing can be found out. */
  readonly broken = new Set<string>();
  #ids = 0;
  #pending = 0;
  readonly #root: Directory = { kind: "directory", id: 0, children: new Map() };
  readonly #watches = new Set<Watch>();

  get watchedPaths(): readonly string[] {
    return [...this.#watches].map((watch) => watch.path).sort();
  }

  makeDirectory(path: string): void {
    this.#put(path, { kind: "directory", id: ++this.#ids, children: new Map() });
  }

  write(path: string, text: string, options: { readonly keepSignature?: boolean } = {}): void {
    const node = this.#find(path);
    if (node?.kind !== "file") return this.#put(path, { kind: "file", id: ++this.#ids, text, version: 0 });
    node.text = text;
    if (options.keepSignature !== true) node.version++;
    this.#tell(path);
  }

  link(path: string, target: string): void {
    this.#put(path, { kind: "link", id: ++this.#ids, target });
  }

  /** Moves an entry, replacing whatever was there. */
  rename(from: string, to: string): void {
    const node = this.#directory(dirname(from)).children.get(basename(from));
    if (node === undefined) throw new Error(`no ${from}`);
    this.#directory(dirname(from)).children.delete(basename(from));
    this.#tell(from);
    this.#put(to, node);
  }

  /** Resolves when no answer is outstanding and none was asked for in answer to the last ones. */
  async quiet(): Promise<void> {
    for (let idle = 0; idle < 20; idle = this.#pending > 0 ? 0 : idle + 1) await Promise.resolve();
  }

  stat(path: string): Promise<FileFacts | undefined> {
    return this.#answer(() => {
      if (this.broken.has(path)) throw new Error("input/output error");
      const node = this.#find(path);
      if (node === undefined || node.kind === "link") return undefined;
      const identity = String(node.id);
      const signature = node.kind === "file" ? `${identity}:${node.version}` : identity;
      return { kind: node.kind, identity, signature };
    });
  }

  read(path: string, maxBytes: number): Promise<string> {
    return this.#answer(() => {
      this.reads++;
      const node = this.#find(path);
      if (node?.kind !== "file") throw new Error(`no file ${path}`);
      if (node.text.length > maxBytes) throw new Error(`${path} has more than ${maxBytes} bytes`);
      return node.text;
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#answer(() => [...this.#directory(path).children.keys()].sort());
  }

  watch(path: string, changed: (name: string | undefined) => void): Disposable {
    if (!this.watchable) throw new Error("too many watches");
    const watch: Watch = { path, directory: this.#directory(path), changed };
    this.#watches.add(watch);
    return { [Symbol.dispose]: () => void this.#watches.delete(watch) };
  }

  async #answer<T>(find: () => T): Promise<T> {
    this.#pending++;
    try {
      await Promise.resolve();
      return find();
    } finally {
      this.#pending--;
    }
  }

  #put(path: string, node: Node): void {
    this.#directory(dirname(path)).children.set(basename(path), node);
    this.#tell(path);
  }

  /** Events belong to the directory that was watched, wherever it has been moved since. */
  #tell(path: string): void {
    const directory = this.#directory(dirname(path));
    for (const watch of this.#watches) if (watch.directory === directory) watch.changed(basename(path));
  }

  #directory(path: string): Directory {
    const node = this.#find(path);
    if (node?.kind !== "directory") throw new Error(`no directory ${path}`);
    return node;
  }

  /** What is at a path, links followed. */
  #find(path: string): Node | undefined {
    let at: Node | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      if (at?.kind !== "directory") return undefined;
      at = at.children.get(name);
      if (at?.kind === "link") at = this.#find(join(at.target));
    }
    return at;
  }
}
