import { expect, test } from "vitest";
import { said } from "../../../test/support/command-line.ts";
import { causes, causesByToken } from "../../core/cause.ts";

test("A cause is explained: meaning, remedy, whose fault, status, retry", async () => {
  const { code, out, err } = await said(["explain", "upstream.connect.refused"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  for (const words of [
    causes.connectRefused.means,
    causes.connectRefused.remedy,
    "HTTP status  502",
    "safe: no service",
  ])
    expect(out).toContain(words);
});

test.each([
  "upstream.connect.refused;endpoint=10.0.0.1:80;why=a%20%3Bb",
  "fairlead-cause: upstream.connect.refused;endpoint=10.0.0.1:80;why=a%20%3Bb",
])("The header may be given as it was received: %s", async (header) => {
  const { code, out } = await said(["explain", header]);
  expect(code).toBe(0);
  expect(out).toContain("endpoint     10.0.0.1:80");
  expect(out).toContain("why          a ;b");
});

test.each([
  ["upstream.conect.refused", "did you mean upstream.connect.refused?"],
  ["upstream.connect", "upstream.connect is the beginning of upstream.connect.refused, upstream.connect.timeout"],
  ["nonsense", "fairlead explain --all lists them"],
])("An unknown cause is no success, and the nearest is named: %s", async (token, words) => {
  const { code, out, err } = await said(["explain", token]);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain(words);
});

test("All causes are listed, one a line", async () => {
  const { code, out } = await said(["explain", "--all"]);
  expect(code).toBe(0);
  const tokens = out
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ")[0]);
  expect(tokens).toEqual([...causesByToken.keys()]);
});

test("Programs get JSON", async () => {
  const one = await said(["explain", "--json", "proxy.bind.fail;x=1"]);
  expect(JSON.parse(one.out)).toMatchObject({
    token: "proxy.bind.fail",
    httpStatus: 502,
    retry: "never",
    details: { x: "1" },
  });
  const all: unknown = JSON.parse((await said(["explain", "--all", "--json"])).out);
  expect(all).toHaveLength(causesByToken.size);
});

test("Without a token it is said what is missing", async () => {
  expect(await said(["explain"])).toMatchObject({ code: 2, err: "fairlead: explain needs a TOKEN, or --all\n" });
});
