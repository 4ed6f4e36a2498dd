// HPACK against the encoders of others, and against itself, over whole stories: a header block means something only
// after all those before it, so that a wrong eviction shows many cases later (RFC 7541 §2.2).
import { describe, expect, test } from "vitest";
import { StoryDecoder, StoryEncoder } from "../../support/hpack.ts";
import { encodedStories, type HeaderList, rawStories, type Story } from "./stories.ts";

/** What no encoder here takes more than, even where the decoder allows it. */
const DEFAULT_TABLE_BYTES = 4096;
/** The first index behind the static table (RFC 7541 §2.3.3). */
const FIRST_DYNAMIC = 62;
/** What an entry costs beside its text (RFC 7541 §4.1). */
const ENTRY_BYTES = 32;
/** More than fit, so that a decoder that never refuses is found out. */
const MOST_ENTRIES = DEFAULT_TABLE_BYTES / ENTRY_BYTES + 1;

const raw = rawStories();
const encoded = encodedStories(raw);

/** One line per header: some hundred thousand comparisons of text are quick, and a difference reads well. */
const shown = (headers: HeaderList): string => headers.map(([name, value]) => `${name}: ${value}`).join("\n");

/** Names and values alone, without anything between them. */
const textBytes = (cases: readonly HeaderList[]): number =>
  cases.flat().reduce((sum, [name, value]) => sum + name.length + value.length, 0);

/** A header block of one header, by its index (RFC 7541 §6.1). */
const indexed = (index: number): Buffer => (index < 127 ? Buffer.of(0x80 | index) : Buffer.of(0xff, index - 127));

/**
 * The size of what a decoder holds: it is asked for every index behind the static table until it refuses one. Holding too
 * much never spoils a header, since indices count from the newest entry (RFC 7541 §2.3.3); only the memory shows it.
 */
function heldBytes(decoder: StoryDecoder): number {
  let bytes = 0;
  for (let index = FIRST_DYNAMIC; index < FIRST_DYNAMIC + MOST_ENTRIES; index++) {
    try {
      const [[name, value] = ["", ""]] = decoder.decode(indexed(index));
      bytes += name.length + value.length + ENTRY_BYTES;
    } catch {
      break;
    }
  }
  return bytes;
}

interface Passage {
  readonly decoded: readonly HeaderList[];
  readonly wireBytes: number;
  /** What the decoder holds behind the last case. */
  readonly heldBytes: number;
}

/** What our decoder makes of what our encoder makes of a story; both hold the same table throughout. */
function throughBoth({ cases }: Story, tableBytes: number): Passage {
  const encoder = new StoryEncoder(tableBytes);
  const decoder = new StoryDecoder(tableBytes);
  let wireBytes = 0;
  const decoded = cases.map((headers) => {
    const block = encoder.encode(headers);
    wireBytes += block.length;
    return decoder.decode(block);
  });
  return { decoded, wireBytes, heldBytes: heldBytes(decoder) };
}

test("the golden data holds 32 stories, and 446 as 14 encoders wrote them, with a header block for every case", () => {
  expect(raw).toHaveLength(32);
  expect(encoded).toHaveLength(446);
  expect(new Set(encoded.map(({ encoder }) => encoder)).size).toBe(14);
  const incomplete = encoded.filter(({ wire, cases }) => cases.length === 0 || wire.length !== cases.length);
  expect(incomplete).toEqual([]);
});

describe("the decoder reads every header in order, and holds no more than it allows,", () => {
  test.each(encoded)("in story $story by $encoder", ({ cases, wire, tableBytes }) => {
    const decoder = new StoryDecoder();
    let allowedBytes = DEFAULT_TABLE_BYTES;
    for (const [number, block] of wire.entries()) {
      const changed = tableBytes[number];
      if (changed !== undefined) decoder.setMaxTableBytes(changed);
      allowedBytes = changed ?? allowedBytes;
      const decoded = decoder.decode(Buffer.from(block, "hex"));
      expect(shown(decoded), `case ${number}`).toBe(shown(cases[number] ?? []));
    }
    expect(heldBytes(decoder)).toBeLessThanOrEqual(Math.min(allowedBytes, DEFAULT_TABLE_BYTES));
  });
});

describe.each([0, 256, 4096])("with a table of %i bytes", (tableBytes) => {
  test.each(raw)("story $story comes through encoder and decoder unchanged, and is smaller between them", (story) => {
    const passage = throughBoth(story, tableBytes);
    expect(passage.decoded.map(shown)).toEqual(story.cases.map(shown));
    expect(passage.wireBytes).toBeLessThan(textBytes(story.cases));
    expect(passage.heldBytes).toBeLessThanOrEqual(tableBytes);
  });
});
