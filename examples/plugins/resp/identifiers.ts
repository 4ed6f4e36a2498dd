// Names of commands: by what their keys begin with, or by the database that was selected.
import { defineIdentifier, showSegment, text } from "fairlead/plugin";
import type { Command } from "./command.ts";

/** `<dstPrefix>/redis/<prefix>` */
export const keyPrefix = defineIdentifier({
  doc: "`<dstPrefix>/redis/<what keys begin with>`. Commands whose keys begin differently are refused.",
  keys: {
    separator: text({ doc: "What ends the beginning of a key.", default: ":" }),
    otherwise: text({ doc: "The name of keys without it, and of commands without a key.", default: "default" }),
  },
  make({ otherwise, separator }, { prefix }) {
    const beginning = (key: string) => {
      const end = key.indexOf(separator);
      return end <= 0 ? otherwise : key.slice(0, end);
    };
    return {
      key(ex) {
        const keys = (ex.request as Command).keys();
        const first = beginning(keys[0] ?? "");
        return keys.every((key) => beginning(key) === first) ? first : null;
      },
      path: (key) => `${prefix}/redis/${showSegment(key)}`,
    };
  },
});

/** `<dstPrefix>/redis/<number>` */
export const database = defineIdentifier({
  doc: "`<dstPrefix>/redis/<number of the database that was selected>`; services are asked for their database 0.",
  keys: {},
  make: (_, { prefix }) => ({
    key: (ex) => String((ex.request as Command).database),
    path: (key) => `${prefix}/redis/${key}`,
  }),
});
