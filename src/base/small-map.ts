// A map by name, in order of arrival, where there are many maps with a few entries each: names and values in one array, exactly as long as they
// need, take a third of what a `Map` does. (Nearly all places in the tree of metrics have three to eight things below them, and there are a dozen
// places for each service.)

/** So many entries are looked through one by one. */
const MOST_IN_A_ROW = 16;

/** No entry, a name and its value in turn, or a map where there are many. A value is never text. */
export type SmallMap<T> = null | readonly (string | T)[] | Map<string, T>;

export function valueAt<T>(map: SmallMap<T>, name: string): T | undefined {
  if (map === null) return undefined;
  if (map instanceof Map) return map.get(name);
  const at = indexIn(map, name);
  return at < 0 ? undefined : (map[at + 1] as T); // values follow their names
}

/** The map with one entry more, or with another value under a name. Use what is returned from then on. */
export function withEntry<T>(map: SmallMap<T>, name: string, value: T): SmallMap<T> {
  if (map === null) return [name, value];
  if (map instanceof Map) return map.set(name, value);
  const at = indexIn(map, name);
  if (at >= 0) return map.with(at + 1, value);
  if (map.length < 2 * MOST_IN_A_ROW) return map.concat([name, value]);
  return new Map(pairsOf(map)).set(name, value);
}

/** The map without a name. Use what is returned from then on. */
export function withoutEntry<T>(map: SmallMap<T>, name: string): SmallMap<T> {
  if (map instanceof Map) {
    map.delete(name);
    return map;
  }
  const at = map === null ? -1 : indexIn(map, name);
  return map === null || at < 0 ? map : map.toSpliced(at, 2);
}

export function sizeOf(map: SmallMap<unknown>): number {
  if (map === null) return 0;
  return map instanceof Map ? map.size : map.length / 2;
}

/**
 * Everything there is, while it changes: what stays is seen once, what comes or goes meanwhile is seen or not.
 * @param read gives the map as it is now.
 */
export function* liveEntries<T>(read: () => SmallMap<T>): Generator<readonly [string, T], void, undefined> {
  const map = read();
  if (map === null) return;
  if (map instanceof Map) {
    for (const entry of map) {
      if (read() !== map) return;
      yield entry;
    }
    return;
  }
  // Rows are never changed, only replaced.
  for (const [name] of pairsOf(map)) {
    const value = valueAt(read(), name);
    if (value !== undefined) yield [name, value];
  }
}

function* pairsOf<T>(row: readonly (string | T)[]): Generator<readonly [string, T], void, undefined> {
  for (let at = 0; at < row.length; at += 2) yield [row[at] as string, row[at + 1] as T]; // as above
}

function indexIn(row: readonly unknown[], name: string): number {
  for (let at = 0; at < row.length; at += 2) if (row[at] === name) return at;
  return -1;
}
