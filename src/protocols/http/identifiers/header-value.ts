// The header an identifier is told to look at, in any version of HTTP. Pseudo-header fields (RFC 9113 §8.3.1) have names like others.
import type { HttpMessage } from "../message.ts";

/** Finds the value in a request. */
export type ValueReader = (message: HttpMessage) => string | undefined;

/**
 * Makes the reader of a header. HTTP/1 requests mean what `:authority`, `:path` and `:method` stand for, too.
 * @param header in any case.
 */
export function valueReader(header: string): ValueReader {
  const name = header.toLowerCase();
  switch (name) {
    case "host":
    case ":authority":
      return (message) => message.host;
    case ":path":
      return (message) => message.target;
    case ":method":
      return (message) => message.method;
    default:
      return (message) => (message.version === "HTTP/2.0" ? lastValue(message, name) : message.get(name));
  }
}

// Of several values the first counts in HTTP/1 (linkerd1 §2.1.4), the last in HTTP/2 (linkerd1 §2.2).
function lastValue(message: HttpMessage, name: string): string | undefined {
  for (let field = message.count - 1; field >= 0; field--)
    if (message.name(field) === name) return message.value(field);
  return undefined;
}
