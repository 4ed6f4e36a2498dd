// Configuration of the `io.l5d.fs` namer (reference §4.1).
import { object, text } from "../../config/schema.ts";
import { namerKeys } from "../../naming/config.ts";

export const fsNamer = object(
  {
    doc: "Endpoints from files: one file per name, one `host port` or `unix:/path` per line, watched. A unix socket in the place of a file is the endpoint itself.",
  },
  {
    ...namerKeys("io.l5d.fs"),
    rootDir: text({
      doc: "The directory with the files. While it does not exist no name is found there, and the log says so.",
      required: true,
    }),
  },
);
