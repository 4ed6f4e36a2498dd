import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { LocalDtabs } from "./local-dtabs.ts";

/** Overrides, and how often a text was parsed. */
function counting(): { dtabs: LocalDtabs; parsed: string[] } {
  const parsed: string[] = [];
  const parse = (text: string) => {
    parsed.push(text);
    return text;
  };
  return { dtabs: new LocalDtabs(parse, new ManualEnv().clock), parsed };
}

test("An override is parsed once while it is among the thousand newest", () => {
  const { dtabs, parsed } = counting();
  for (let i = 0; i < 1000; i++) dtabs.parse(`/a=>/${i}`);
  dtabs.parse("/a=>/0");
  expect(parsed).toHaveLength(1000);
  for (let i = 1000; i < 10_000; i++) dtabs.parse(`/a=>/${i}`);
  dtabs.parse("/a=>/9999");
  expect(parsed).toHaveLength(10_000);
  dtabs.parse("/a=>/0");
  expect(parsed).toHaveLength(10_001);
});

test("Of long overrides fewer are remembered", () => {
  const { dtabs, parsed } = counting();
  const long = (i: number) => `/a=>/${i}${"x".repeat(100_000)}`;
  for (let i = 0; i < 20; i++) dtabs.parse(long(i));
  dtabs.parse(long(19));
  dtabs.parse(long(12));
  expect(parsed).toHaveLength(20);
  dtabs.parse(long(5));
  expect(parsed).toHaveLength(21);
  const longer = "x".repeat(2_000_000);
  expect(dtabs.parse(longer)).toBe(longer);
  dtabs.parse("/b=>/c");
  expect(dtabs.parse("/b=>/c")).toBe("/b=>/c");
});
