// @hot The moments at which policy sees an exchange or an attempt, and the stacks that run them.
//
// A filter is an object with function fields rather than a subclass: all filters then have one shape and the loop below
// stays monomorphic (data-path §3: eight classes cost 0.3 µs more per request than eight objects of one shape).

/** What a filter says when a request passes it on the way down. */
export const Down = {
  /** Pass on. */ go: 0,
  /** I keep it; `Stack.resume` follows. */ kept: 1,
  /** I have set a failure; turn round. */ answered: 2,
} as const;
export type Down = (typeof Down)[keyof typeof Down];

/** What a filter says when an answer or failure passes it on the way up. */
export const Up = {
  /** Pass on. */ go: 0,
  /** I sent the request down again. */ kept: 1,
} as const;
export type Up = (typeof Up)[keyof typeof Up];

/** How far a request has come down each stack that it passes. */
export interface Staged {
  readonly stages: number[];
}

type Parameters = Readonly<Record<string, string | number | boolean | null>>;

/** The parts of a filter; all moments are optional. */
export interface FilterParts<S extends Staged> {
  readonly name: string;
  /** One sentence: what it is for. */
  readonly doc: string;
  readonly params?: Parameters;
  /** A request on its way down. */
  readonly down?: (s: S) => Down;
  /** An answer's head, or a failure, on its way up. */
  readonly up?: (s: S) => Up;
  /** It is over; exactly once, and only where `down` ran; innermost first. */
  readonly end?: (s: S) => void;
}

/** One step of a stack. */
export class Filter<S extends Staged> {
  readonly name: string;
  readonly doc: string;
  readonly params: Parameters;
  readonly down: (s: S) => Down;
  readonly up: (s: S) => Up;
  readonly end: (s: S) => void;

  constructor(parts: FilterParts<S>) {
    this.name = parts.name;
    this.doc = parts.doc;
    this.params = parts.params ?? {};
    this.down = parts.down ?? goDown;
    this.up = parts.up ?? goUp;
    this.end = parts.end ?? nothing;
  }
}

function goDown(): Down {
  return Down.go;
}

function goUp(): Up {
  return Up.go;
}

function nothing(): void {}

// By stage: most filters do nothing on the way up, and are not called.
function placesOfUps<S extends Staged>(filters: readonly Filter<S>[]): number[] {
  const places = [-1];
  for (let i = 0; i < filters.length; i++)
    places.push((filters[i] as Filter<S>).up === goUp ? (places[i] as number) : i);
  return places;
}

/** A filter as `/routers/LABEL/stack.json` shows it. */
export interface FilterView {
  readonly name: string;
  readonly doc: string;
  readonly params: Parameters;
}

/**
 * Filters compiled once and shared by all destinations with the same settings, outermost first, and what lies below them.
 * `level` is the index in `stages` that remembers how far a request came in this stack.
 */
export class Stack<S extends Staged> {
  readonly #filters: readonly Filter<S>[];
  /** By the number of filters passed on the way down: the innermost of them that does something on the way up, or -1. */
  readonly #ups: readonly number[];
  readonly #level: number;
  readonly #below: (s: S) => void;
  readonly #turned: (s: S) => void;

  /**
   * @param below takes the request when all filters let it pass.
   * @param turned is called when a filter answered by itself, after the filters above it saw it go up.
   */
  constructor(level: number, filters: readonly Filter<S>[], below: (s: S) => void, turned: (s: S) => void) {
    this.#level = level;
    this.#filters = filters;
    this.#ups = placesOfUps(filters);
    this.#below = below;
    this.#turned = turned;
  }

  /** Runs `s` down from where it stands. */
  down(s: S): void {
    const filters = this.#filters;
    const level = this.#level;
    for (let i = s.stages[level] as number; i < filters.length; i++) {
      s.stages[level] = i + 1;
      const verdict = (filters[i] as Filter<S>).down(s);
      if (verdict === Down.go) continue;
      if (verdict === Down.answered && this.up(s)) this.#turned(s);
      return;
    }
    this.#below(s);
  }

  /** Runs an answer or failure up; false when a filter kept it. */
  up(s: S): boolean {
    const ups = this.#ups;
    for (let i = ups[s.stages[this.#level] as number] as number; i >= 0; i = ups[i] as number) {
      if ((this.#filters[i] as Filter<S>).up(s) === Up.kept) return false;
    }
    return true;
  }

  /** Ends every filter whose `down` ran, innermost first. */
  end(s: S): void {
    const filters = this.#filters;
    const level = this.#level;
    while ((s.stages[level] as number) > 0) {
      const at = (s.stages[level] as number) - 1;
      s.stages[level] = at;
      (filters[at] as Filter<S>).end(s);
    }
  }

  /**
   * The stack in words.
   * @param params by filter name: parameters that are not the filter's own but those of whatever the stack was asked for.
   */
  view(params: Readonly<Record<string, FilterView["params"]>> = {}): FilterView[] {
    return this.#filters.map((f) => ({ name: f.name, doc: f.doc, params: params[f.name] ?? f.params })); // cold: admin only
  }
}
