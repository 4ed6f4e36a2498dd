// JSON in pieces, of values that may be large: a long answer takes many short turns of the event loop.
import { ChunkedText } from "../telemetry/chunked-text.ts";

/** A list whose items are made one at a time, while it is written. */
export class Items {
  readonly items: Iterable<unknown>;

  constructor(items: Iterable<unknown>) {
    this.items = items;
  }
}

/** An object whose members are made one at a time, while it is written. */
export class Members {
  readonly entries: Iterable<readonly [name: string, value: unknown]>;

  constructor(entries: Iterable<readonly [name: string, value: unknown]>) {
    this.entries = entries;
  }
}

/** Indented JSON text of a plain value. Members that are undefined are left out; numbers JSON does not know are null. */
export function* jsonPieces(value: unknown): Generator<string, void, undefined> {
  const text = new ChunkedText();
  yield* written(value, "\n", text);
  text.add("\n");
  yield text.take();
}

function* written(value: unknown, newline: string, text: ChunkedText): Generator<string, void, undefined> {
  if (text.full) yield text.take();
  if (value instanceof Items || Array.isArray(value))
    yield* list(value instanceof Items ? value.items : value, newline, text);
  else if (value instanceof Members) yield* object(value.entries, newline, text);
  else if (typeof value === "object" && value !== null) yield* object(Object.entries(value), newline, text);
  else text.add(JSON.stringify(value) ?? "null");
}

function* list(items: Iterable<unknown>, newline: string, text: ChunkedText): Generator<string, void, undefined> {
  const inner = `${newline}  `;
  let empty = true;
  for (const item of items) {
    text.add(`${empty ? "[" : ","}${inner}`);
    empty = false;
    yield* written(item, inner, text);
  }
  text.add(empty ? "[]" : `${newline}]`);
}

function* object(
  entries: Iterable<readonly [string, unknown]>,
  newline: string,
  text: ChunkedText,
): Generator<string, void, undefined> {
  const inner = `${newline}  `;
  let empty = true;
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    text.add(`${empty ? "{" : ","}${inner}${JSON.stringify(name)}: `);
    empty = false;
    yield* written(value, inner, text);
  }
  text.add(empty ? "{}" : `${newline}}`);
}
