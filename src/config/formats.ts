// Texts with a form of their own.
import { isIP } from "node:net";
import { parseEndpoint } from "../core/endpoint-text.ts";
import { resolve } from "node:path";
import { PathMatcher, PathTemplate } from "../core/path-matcher.ts";
import { parsePath } from "../core/path.ts";
import { unixPathProblem } from "../core/socket-address.ts";
import { SyntaxProblem } from "../core/syntax.ts";

/** What is wrong with a text, and at which offset in it. */
export interface FormatProblem {
  readonly offset: number;
  readonly message: string;
}

/** Null when the text is well-formed. */
export type FormatCheck = (text: string) => FormatProblem | null;

export type FormatName =
  | "dtab"
  | "path"
  | "pathPattern"
  | "pathTemplate"
  | "headerName"
  | "http2HeaderName"
  | "ip"
  | "endpoint"
  | "socketPath"
  | "fileMode";

/** The grammar of dtabs belongs to naming, which stands beside this folder; the composition root hands its check in. */
export interface TextFormats {
  readonly dtab: FormatCheck;
}

export interface Format {
  /** As in "expected …". */
  readonly called: string;
  readonly example: string;
  /** What a number that stands in its place was meant to be. */
  readonly ofNumber?: (written: string) => string;
}

export const formats: Readonly<Record<FormatName, Format>> = {
  dtab: { called: "a dtab", example: "/svc => /#/io.l5d.fs;" },
  path: { called: "a path", example: "/svc/users" },
  pathPattern: { called: "a path pattern", example: "/svc/*/{version}" },
  pathTemplate: { called: "a path with variables", example: "/srv/{service}" },
  headerName: { called: "a header name", example: "l5d-name" },
  http2HeaderName: { called: "a header or pseudo-header name", example: ":authority" },
  ip: { called: "an IP address", example: "127.0.0.1" },
  endpoint: { called: "an address", example: "127.0.0.1:8080", ofNumber: (port) => `127.0.0.1:${port}` },
  socketPath: { called: "the path of a unix socket", example: "/run/fairlead/http.sock" },
  fileMode: { called: "permissions", example: '"0660", in quotes' },
};

export function checkFormat(name: FormatName, text: string, given: TextFormats): FormatProblem | null {
  switch (name) {
    case "dtab":
      return given.dtab(text);
    case "path":
      return problemIn(parsePath(text));
    case "pathPattern":
      return problemIn(PathMatcher.parse(text));
    case "pathTemplate":
      return problemIn(PathTemplate.parse(text));
    case "headerName":
      return checkHeaderName(text);
    case "http2HeaderName":
      return checkHttp2HeaderName(text);
    case "ip":
      return isIP(text) === 0 ? { offset: 0, message: "this is neither IPv4 nor IPv6" } : null;
    case "endpoint":
      return problemIn(parseEndpoint(text));
    case "socketPath":
      return checkSocketPath(text);
    case "fileMode":
      return /^0?[0-7]{3}$/.test(text) ? null : { offset: 0, message: "these are three octal digits" };
  }
}

/** RFC 9110 §5.6.2: a token. */
function checkHeaderName(text: string): FormatProblem | null {
  const offset = text.search(/[^!#$%&'*+.^_`|~0-9A-Za-z-]/);
  return offset === -1 ? null : { offset, message: "this character cannot be in a header name" };
}

/** RFC 9113 §8.3.1: what begins with a colon is one of few. */
function checkHttp2HeaderName(text: string): FormatProblem | null {
  if (!text.startsWith(":")) return checkHeaderName(text);
  const message = "requests have the pseudo-headers :method, :scheme, :authority and :path";
  return [":method", ":scheme", ":authority", ":path"].includes(text) ? null : { offset: 0, message };
}

/** As it will be opened: a relative path belongs to the working directory, whose own length counts. */
function checkSocketPath(text: string): FormatProblem | null {
  const message = unixPathProblem(/^[@/]/.test(text) || text.endsWith("/") ? text : resolve(text));
  return message === null ? null : { offset: 0, message };
}

/** The parsers of names hand back either what they read or a problem. */
export function problemIn(parsed: object): FormatProblem | null {
  return parsed instanceof SyntaxProblem ? { offset: parsed.offset, message: parsed.message } : null;
}
