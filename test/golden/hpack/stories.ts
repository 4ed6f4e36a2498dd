// The golden stories of HPACK: header lists, and what the encoders of others make of them (README.md has the format).
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** Names and values in the order of their header block. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** The header lists of one connection's direction, in order: the requests of a caller, or the answers of a service. */
export interface Story {
  readonly story: string;
  readonly cases: readonly HeaderList[];
}

/** A story as one encoder wrote it. */
export interface EncodedStory extends Story {
  readonly encoder: string;
  /** One header block per case, in hex. */
  readonly wire: readonly string[];
  /** What the decoder allows from the case with this number on; 4096 before. */
  readonly tableBytes: Readonly<Record<number, number>>;
}

interface Written {
  readonly story: string;
  readonly wire: readonly string[];
  readonly tableBytes?: Readonly<Record<number, number>>;
}

const RAW = "raw-data";
const SUFFIX = ".jsonl.gz";
const folder = new URL("./", import.meta.url);

function read<Line>(name: string): Line[] {
  const text = gunzipSync(readFileSync(new URL(`${name}${SUFFIX}`, folder))).toString("utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line); // our own files
}

/** The stories themselves. */
export const rawStories = (): Story[] => read<Story>(RAW);

/** Every story of every encoder, with the header lists it has to decode to. */
export function encodedStories(raw: readonly Story[]): EncodedStory[] {
  const casesOf = new Map(raw.map(({ story, cases }) => [story, cases]));
  return encoders().flatMap((encoder) =>
    read<Written>(encoder).map(({ story, wire, tableBytes = {} }) => {
      const cases = casesOf.get(story) ?? [];
      return { encoder, story, cases, wire, tableBytes };
    }),
  );
}

function encoders(): string[] {
  const names = readdirSync(folder).flatMap((file) => (file.endsWith(SUFFIX) ? [file.slice(0, -SUFFIX.length)] : []));
  return names.filter((name) => name !== RAW).sort();
}
