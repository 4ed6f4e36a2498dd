// @hot Streams by their id. Ids of one side rise by two, so that a small array finds nearly all of them; and what has become of streams that
// are over, as far back as it matters.

/** Whoever has an id. */
interface Numbered {
  readonly id: number;
}

const FIRST_SLOTS = 16;

/** A larger array is given up when it is empty. */
const KEPT_SLOTS = 1024;
/** An array with more slots per stream than this is no better than a map. */
const SPARSE = 8;

/** The open streams of one connection. */
export class StreamTable<S extends Numbered> {
  #slots: (S | null)[] = new Array<S | null>(FIRST_SLOTS).fill(null);
  /** Those that share their slot with a stream that was opened long before. */
  #others: Map<number, S> | null = null;
  size = 0;

  get(id: number): S | null {
    const stream = this.#slots[(id >>> 1) & (this.#slots.length - 1)] as S | null;
    if (stream !== null && stream.id === id) return stream;
    return this.#others === null ? null : (this.#others.get(id) ?? null);
  }

  add(stream: S): void {
    this.size++;
    while (this.#slots[(stream.id >>> 1) & (this.#slots.length - 1)] !== null) {
      if (this.#slots.length > SPARSE * (this.size + FIRST_SLOTS)) {
        (this.#others ??= new Map()).set(stream.id, stream);
        return;
      }
      this.#grow();
    }
    this.#slots[(stream.id >>> 1) & (this.#slots.length - 1)] = stream;
  }

  remove(stream: S): void {
    const slot = (stream.id >>> 1) & (this.#slots.length - 1);
    if (this.#slots[slot] === stream) this.#slots[slot] = null;
    else if (this.#others === null || !this.#others.delete(stream.id)) return;
    else if (this.#others.size === 0) this.#others = null;
    if (--this.size === 0 && this.#slots.length > KEPT_SLOTS) {
      this.#slots = new Array<S | null>(FIRST_SLOTS).fill(null);
    }
  }

  /** All of them, oldest first; a copy, since whoever walks through it may end them. */
  all(): S[] {
    const streams: S[] = [];
    for (let i = 0; i < this.#slots.length; i++) {
      const stream = this.#slots[i] as S | null;
      if (stream !== null) streams.push(stream);
    }
    if (this.#others !== null) streams.push(...this.#others.values()); // cold: hardly ever
    return streams.sort((a, b) => a.id - b.id);
  }

  // Two ids that share a slot do not share it in an array that is large enough: they differ somewhere.
  #grow(): void {
    const old = this.#slots;
    const slots = new Array<S | null>(old.length * 2).fill(null);
    for (let i = 0; i < old.length; i++) {
      const stream = old[i] as S | null;
      if (stream !== null) slots[(stream.id >>> 1) & (slots.length - 1)] = stream;
    }
    this.#slots = slots;
  }
}

/** How a stream came to its end. */
export const Ending = { unknown: 0, complete: 1, resetByUs: 2, resetByPeer: 3 } as const;
export type Ending = (typeof Ending)[keyof typeof Ending];

const REMEMBERED = 256;

/** The last streams that are over. */
export class ClosedStreams {
  // Made when the first stream ends: most idle connections never have one.
  #ids: Int32Array | null = null;
  #endings: Uint8Array | null = null;

  note(id: number, ending: Ending): void {
    this.#ids ??= new Int32Array(REMEMBERED);
    this.#endings ??= new Uint8Array(REMEMBERED);
    const slot = (id >>> 1) & (REMEMBERED - 1);
    this.#ids[slot] = id;
    this.#endings[slot] = ending;
  }

  how(id: number): Ending {
    if (this.#ids === null || this.#endings === null) return Ending.unknown;
    const slot = (id >>> 1) & (REMEMBERED - 1);
    return this.#ids[slot] === id ? (this.#endings[slot] as Ending) : Ending.unknown;
  }
}
