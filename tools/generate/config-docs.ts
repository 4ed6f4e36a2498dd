// The documents about configuration, for tools/generate-docs.ts to write or to compare.
import { readFileSync } from "node:fs";
import { generatedConfigDocs } from "../../src/app/config-docs.ts";

const example = new URL("../../examples/static-policies.yaml", import.meta.url);

/** Paths from the root of the project, and the texts that belong there. */
export function generated(): Map<string, string> {
  const documents = generatedConfigDocs(readFileSync(example, "utf8"));
  return new Map([...documents].map(([name, text]) => [`docs/${name}`, text]));
}
