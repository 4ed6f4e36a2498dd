// Configuration of the `fairlead.files` namer.
import { mapOf, object, text } from "../../config/schema.ts";
import type { NameRule } from "../../config/spec.ts";
import { namerKeys } from "../../naming/config.ts";

const names: NameRule = {
  wrong: (name) => (name === "" || name.includes("/") ? "is no name: it must be one segment of a path" : null),
  instead: "write a name without slashes",
};

export const filesNamer = object(
  {
    doc: "Endpoints from files that are named one by one, with one `host port` per line, watched.",
    origin: "fairlead",
  },
  {
    ...namerKeys("fairlead.files"),
    names: mapOf(
      { doc: "The names, and the file of each.", required: true, name: names, example: "users: disco/users" },
      text({ doc: "The file. A relative path is taken from where the process was started." }),
    ),
  },
);
