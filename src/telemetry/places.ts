// What stands below a place in the tree of metrics, by name and in order of arrival. Nearly all places have three to eight things below them, and
// there are a dozen places for each service: names and things in one array, exactly as long as they need, are a third of what maps take.

/** So many entries are looked through one by one. */
const MOST_IN_A_ROW = 16;

/** No entry, a name and its entry in turn, or a map where there are many. An entry is never text. */
export type Places<T> = null | readonly (string | T)[] | Map<string, T>;

export function placeAt<T>(places: Places<T>, name: string): T | undefined {
  if (places === null) return undefined;
  if (places instanceof Map) return places.get(name);
  const at = indexIn(places, name);
  return at < 0 ? undefined : (places[at + 1] as T); // entries follow their names
}

/** The places with one more, or with another entry under a name. Use what is returned from then on. */
export function withPlace<T>(places: Places<T>, name: string, entry: T): Places<T> {
  if (places === null) return [name, entry];
  if (places instanceof Map) return places.set(name, entry);
  const at = indexIn(places, name);
  if (at >= 0) return places.with(at + 1, entry);
  if (places.length < 2 * MOST_IN_A_ROW) return places.concat([name, entry]);
  return new Map([...pairsOf(places)]).set(name, entry);
}

/** The places without a name. Use what is returned from then on. */
export function withoutPlace<T>(places: Places<T>, name: string): Places<T> {
  if (places instanceof Map) {
    places.delete(name);
    return places;
  }
  const at = places === null ? -1 : indexIn(places, name);
  return places === null || at < 0 ? places : places.toSpliced(at, 2);
}

export function sizeOf(places: Places<unknown>): number {
  if (places === null) return 0;
  return places instanceof Map ? places.size : places.length / 2;
}

/**
 * Everything there is, while it changes: what stays is seen once, what comes or goes meanwhile is seen or not.
 * @param read gives the places as they are now.
 */
export function* liveEntries<T>(read: () => Places<T>): Generator<readonly [string, T], void, undefined> {
  const places = read();
  if (places === null) return;
  if (places instanceof Map) {
    for (const entry of places) {
      if (read() !== places) return;
      yield entry;
    }
    return;
  }
  // Rows are never changed, only replaced.
  for (const [name] of pairsOf(places)) {
    const entry = placeAt(read(), name);
    if (entry !== undefined) yield [name, entry];
  }
}

function* pairsOf<T>(row: readonly (string | T)[]): Generator<readonly [string, T], void, undefined> {
  for (let at = 0; at < row.length; at += 2) yield [row[at] as string, row[at + 1] as T]; // as above
}

function indexIn(row: readonly unknown[], name: string): number {
  for (let at = 0; at < row.length; at += 2) if (row[at] === name) return at;
  return -1;
}
