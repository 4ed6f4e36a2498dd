// The generated documents about configuration.
import { invariant } from "../base/invariant.ts";
import { differenceTables } from "../config/differences.ts";
import { jsonSchemaOf } from "../config/json-schema.ts";
import { referenceSections } from "../config/reference.ts";
import { type ObjectSpec } from "../config/spec.ts";
import { configSchema } from "./config-schema.ts";

const generatedNote = "<!-- Generated from the schemas in src/**/config.ts by `npm run docs`. Do not edit. -->";

/**
 * File names below `docs/` and their texts.
 * @param example a complete configuration file to show
 */
export function generatedConfigDocs(example: string): Map<string, string> {
  const root = rootSpec();
  return new Map([
    ["config.md", `${generatedNote}\n\n${introduction(example)}\n${referenceSections(root)}`],
    ["fairlead.schema.json", `${JSON.stringify(jsonSchemaOf(root, "fairlead configuration"), null, 1)}\n`],
    ["linkerd-differences.md", `${generatedNote}\n\n${differencesIntroduction}\n${differenceTables(root)}`],
  ]);
}

function rootSpec(): ObjectSpec {
  const { spec } = configSchema;
  invariant(spec.type === "object", "the configuration schema is made with object()");
  return spec;
}

function introduction(example: string): string {
  return `# Configuration

One file, YAML or JSON, given to \`fairlead run\` and checked by \`fairlead check\`. A complete one:

\`\`\`yaml
${example.trim()}
\`\`\`

- A file without \`fairlead: 1\` is a Linkerd 1.x file and gets the defaults of Linkerd 1.x; with it, today's.
  All differences: [linkerd-differences.md](linkerd-differences.md); the way from one to the other: [migration-from-linkerd.md](migration-from-linkerd.md).
- The shortest one is \`fairlead: 1\` and [\`services\`](#servicesname). What that stands for is printed by \`fairlead check --expand FILE\`: the same file with namers, rules and policies.
- Reading is strict: an unknown or repeated key, a wrong type, a missing key or an unknown kind keeps fairlead from starting. All problems are
  told at once, each with its line, its column, its key and what to write instead.
- Nothing is converted: \`port: "4140"\` is text, not a number. A key without a value counts as not given.
- Every key is in one class. *effective*: it works. *accepted*: it is read, but has no or not its full effect; every use is a warning.
  *refused*: it is not available, or ignoring it would change safety or routing in silence.
- Lengths carry their unit in the name: \`…Ms\` milliseconds, \`…Secs\` seconds, \`…KB\` kilobytes of 1024 bytes, \`…Bytes\` bytes.
- With \`expandEnv: true\` (and \`fairlead: 1\`), or the flag \`--expand-env\`, \`\${NAME}\` and \`\${NAME:-default}\` in values become environment
  variables, after the file was parsed: a variable can never add a key or a line. An unset variable without a default is a problem.
  \`$\${\` stands for \`\${\`; other dollar signs mean themselves.
- An object with a \`kind\` may also carry \`experimental: true\`; experimental kinds must.
- Anchors and aliases of YAML work; merge keys (\`<<\`) do not. A file has at most 1 MiB, 64 levels and 100 000 values.
- Editors complete and check with [fairlead.schema.json](fairlead.schema.json); begin a file with
  \`# yaml-language-server: $schema=path/to/fairlead.schema.json\`.
`;
}

const differencesIntroduction = `# Differences from Linkerd 1.x

A file without the top-level key \`fairlead: 1\` is a Linkerd 1.x file and gets the defaults of Linkerd 1.x. With it, the defaults of the first table hold.
Paths are written as in \`routers[http].servers[].port\`: \`[]\` stands for the items of a list, \`[kind]\` for a choice of kind. Client and service policies
are listed under \`io.l5d.global\`; they are the same in \`io.l5d.static\`.

Which of these a given file meets, and in which lines, is told by \`fairlead check --linkerd FILE\`; the way from one to the other is in
[migration-from-linkerd.md](migration-from-linkerd.md).

Values are never converted to another type: \`port: "4140"\` is a problem.
`;
