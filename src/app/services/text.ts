// What `fairlead check --expand` prints: the file as it is used, with nothing short in it.
import { type ConfigNode, type Json, withEntry } from "../../config/node.ts";
import { jsonValue, yamlText } from "../../config/print.ts";
import { configSchema } from "../config-schema.ts";

/** @param file its name, for the comment at the top. */
export function expandedYaml(tree: ConfigNode, file: string): Promise<string> {
  const heading = `What ${file} stands for, with its services written out and its variables filled in.`;
  return yamlText(configSchema.spec, filledIn(tree), heading);
}

export function expandedJson(tree: ConfigNode): Json {
  return jsonValue(configSchema.spec, filledIn(tree));
}

/** There are no variables any more, and a dollar sign that is left means itself. */
function filledIn(tree: ConfigNode): ConfigNode {
  return tree.type === "map" ? withEntry(tree, "expandEnv", null) : tree;
}
