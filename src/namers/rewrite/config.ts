// Configuration of the `io.l5d.rewrite` namer (reference §4.12).
import { object, path, pathPattern, pathTemplate } from "../../config/schema.ts";
import { namerKeys } from "../../naming/config.ts";

const captures = /\{([^}]*)\}/g;

export const rewriteNamer = object(
  {
    doc: "Another name for names of a pattern, such as two segments swapped.",
    checks: [
      ({ pattern, name }, report) => {
        const known = new Set(Array.from(pattern?.matchAll(captures) ?? [], (match) => match[1]));
        if (pattern === undefined) return;
        for (const [capture, variable] of name?.matchAll(captures) ?? []) {
          if (known.has(variable)) continue;
          report(
            ["name"],
            `${capture} is not captured by the pattern`,
            `add ${capture} to the pattern, or use one of ${[...known].map((one) => `{${one}}`).join(", ") || "none"}`,
          );
        }
      },
    ],
  },
  {
    ...namerKeys("io.l5d.rewrite"),
    prefix: path({ doc: "The namer answers for names that begin with `/#` and this path.", required: true }),
    pattern: pathPattern({
      doc: "What the name after the prefix must begin with; `*` is any segment, `{word}` captures one.",
      required: true,
    }),
    name: pathTemplate({
      doc: "The new name, with captured words filled in; the rest of the old name follows.",
      required: true,
    }),
  },
);
