// What every service of a mesh does with the calls it makes: it names whom it wants, and passes a few headers on (docs/applications.md).

/** Whom a service asks: a name, through the proxy on a port. */
export interface Next {
  readonly name: string;
  readonly port: number;
}

const TRACING = ["x-request-id", "traceparent", "tracestate", "b3"];

/** The part of a request's headers that goes on with the calls made for it. */
export function forwarded(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && mustPass(name)) passed[name] = String(value);
  }
  return passed;
}

function mustPass(name: string): boolean {
  return name === "x-id" || name.startsWith("l5d-") || name.startsWith("x-b3-") || TRACING.includes(name);
}
