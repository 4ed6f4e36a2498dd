// As much of JSON Schema 2020-12 as our generated schema uses, so that tests can hold it against real files.

type Schema = Readonly<Record<string, unknown>>;

const known = new Set(
  "$schema title description default type properties required additionalProperties items minItems oneOf anyOf const not minimum maximum pattern $ref $defs".split(
    " ",
  ),
);

/** Whether a schema accepts a value. @throws Error for a keyword it does not know, rather than to accept in silence */
export function accepts(schema: unknown, value: unknown): boolean {
  const root = asSchema(schema);
  return holds(root, root, value);
}

function holds(root: Schema, schema: Schema, value: unknown): boolean {
  for (const keyword of Object.keys(schema)) if (!known.has(keyword)) throw new Error(`unknown keyword ${keyword}`);
  if (typeof schema["$ref"] === "string") return holds(root, resolve(root, schema["$ref"]), value);
  return (
    scalarHolds(schema, value) &&
    combinedHolds(root, schema, value) &&
    objectHolds(root, schema, value) &&
    listHolds(root, schema, value)
  );
}

function resolve(root: Schema, reference: string): Schema {
  const definitions = asSchema(root["$defs"]);
  return asSchema(definitions[reference.replace("#/$defs/", "")]);
}

function scalarHolds(schema: Schema, value: unknown): boolean {
  if (schema["type"] !== undefined && !isOfType(schema["type"], value)) return false;
  if ("const" in schema && schema["const"] !== value) return false;
  if (typeof schema["minimum"] === "number" && !(Number(value) >= schema["minimum"])) return false;
  if (typeof schema["maximum"] === "number" && !(Number(value) <= schema["maximum"])) return false;
  return typeof schema["pattern"] !== "string" || new RegExp(schema["pattern"], "u").test(String(value));
}

function isOfType(type: unknown, value: unknown): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function combinedHolds(root: Schema, schema: Schema, value: unknown): boolean {
  const count = (keyword: string): number =>
    asList(schema[keyword]).filter((one) => holds(root, asSchema(one), value)).length;
  if (schema["oneOf"] !== undefined && count("oneOf") !== 1) return false;
  if (schema["anyOf"] !== undefined && count("anyOf") === 0) return false;
  return schema["not"] === undefined || !holds(root, asSchema(schema["not"]), value);
}

function objectHolds(root: Schema, schema: Schema, value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return true; // its type is another matter
  const properties = asSchema(schema["properties"] ?? {});
  const entries = Object.entries(value);
  if (asList(schema["required"]).some((key) => !entries.some(([name]) => name === key))) return false;
  const others = schema["additionalProperties"] ?? true;
  return entries.every(([name, inner]) => {
    if (Object.hasOwn(properties, name)) return holds(root, asSchema(properties[name]), inner);
    return typeof others === "boolean" ? others : holds(root, asSchema(others), inner);
  });
}

function listHolds(root: Schema, schema: Schema, value: unknown): boolean {
  if (schema["items"] === undefined) return true;
  const items = asList(value);
  return (
    items.length >= Number(schema["minItems"] ?? 0) &&
    items.every((item) => holds(root, asSchema(schema["items"]), item))
  );
}

function asSchema(value: unknown): Schema {
  if (typeof value !== "object" || value === null) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(value));
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
