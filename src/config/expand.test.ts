import { expect, test } from "vitest";
import { loadText, told } from "../../test/support/config.ts";
import { bool, int, list, object, text } from "./schema.ts";

const schema = object(
  { doc: "A file." },
  {
    fairlead: int({ doc: "Mode." }),
    expandEnv: bool({ doc: "Asks." }),
    label: text({ doc: "Text.", allowEmpty: true }),
    port: int({ doc: "Number." }),
    on: bool({ doc: "Truth." }),
    names: list({ doc: "Texts." }, text({ doc: "Text." })),
  },
);

async function expanded(body: string, environment: Record<string, string>): Promise<unknown> {
  const { config, problems } = await loadText(`fairlead: 1\nexpandEnv: true\n${body}`, schema, environment);
  return config === null ? told(problems) : { ...config, fairlead: undefined, expandEnv: undefined };
}

test.for([
  ["label: ${NAME}", { label: "web" }],
  ["label: a-${NAME}-${NAME}", { label: "a-web-web" }],
  ["label: ${UNSET:-other}", { label: "other" }],
  ["label: ${EMPTY:-other}", { label: "other" }],
  ["label: x${EMPTY}", { label: "x" }],
  ["label: ${UNSET:-}", { label: "" }],
  ["label: $${NAME}", { label: "${NAME}" }],
  ["label: /$/inet/$NAME $$", { label: "/$/inet/$NAME $$" }],
  ["port: ${PORT}", { port: 4140 }],
  ['port: "${PORT}"', { port: 4140 }],
  ["port: 4${UNSET:-1}", { port: 41 }],
  ["label: ${PORT}", { label: "4140" }],
  ["on: ${ON}", { on: true }],
  ["names: [a, '${NAME}']", { names: ["a", "web"] }],
] as const)("%s is expanded as its key asks", async ([body, value]) => {
  const environment = { NAME: "web", PORT: "4140", ON: "true", EMPTY: "" };
  expect(await expanded(body, environment)).toEqual(value);
});

test("a variable can add neither keys nor lines nor items", async () => {
  const hostile = { NAME: "x\nport: 1\nfoo: [1, 2]", OTHER: "{a: 1}" };
  expect(await expanded("label: ${NAME}\nnames:\n- ${OTHER}", hostile)).toEqual({
    label: hostile.NAME,
    names: ["{a: 1}"],
  });
});

test("the value of a variable is not expanded again", async () => {
  expect(await expanded("label: ${A}", { A: "${B}", B: "x" })).toEqual({ label: "${B}" });
});

test("an unset variable without a default is a problem at its place", async () => {
  expect(await expanded("label: |\n  one\n  two ${UNSET}", {})).toEqual([
    "5:7 label: the environment variable UNSET is not set; set it, or write ${UNSET:-default}",
  ]);
});

test("names that every object has are unset all the same", async () => {
  expect(await expanded("label: ${constructor}", {})).toEqual([
    "3:8 label: the environment variable constructor is not set; set it, or write ${constructor:-default}",
  ]);
});

test.for(["${}", "${1A}", "${A-b}", "${NAME", "${A B}"])("%s is no variable reference", async (reference) => {
  expect(await expanded(`label: 'x ${reference}'`, { A: "1", NAME: "web" })).toEqual([
    expect.stringMatching(/^3:11 label: "\$\{.*" is no variable reference; write \$\{NAME\}/),
  ]);
});

test("a wrong value from a variable is a problem of its key", async () => {
  expect(await expanded("port: ${PORT}", { PORT: "high" })).toEqual([
    expect.stringContaining('3:7 port: expected a whole number, at least 0, got the text "high"'),
  ]);
});

test("nothing is expanded unless asked for", async () => {
  const { config } = await loadText("label: ${NAME}", schema, { NAME: "web" });
  expect(config?.label).toBe("${NAME}");
});
