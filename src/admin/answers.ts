// Answers of the admin server: plain text, JSON, pages.
import type { LocalAnswer } from "../protocols/http1/local-answer.ts";
import { jsonPieces } from "./json-pieces.ts";

export const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";

/** An answer of any type. What it says is true now only, and a browser must not take it for something else. */
export function answer(
  status: number,
  type: string,
  body: LocalAnswer["body"],
  more: Readonly<Record<string, string>> = {},
): LocalAnswer {
  const headers = { "Content-Type": type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", ...more };
  return { status, headers, body };
}

export function text(status: number, body: LocalAnswer["body"], more?: Readonly<Record<string, string>>): LocalAnswer {
  return answer(status, TEXT_TYPE, body, more);
}

/** Any plain value as JSON; `Items` and `Members` in it are made while they are written. */
export function json(value: unknown): LocalAnswer {
  return answer(200, JSON_TYPE, jsonPieces(value));
}

/** A problem in the form of its endpoint. */
export function problem(
  status: number,
  message: string,
  asJson: boolean,
  more?: Readonly<Record<string, string>>,
): LocalAnswer {
  if (asJson) return answer(status, JSON_TYPE, `${JSON.stringify({ error: message })}\n`, more);
  return text(status, `${message}\n`, more);
}

/** A page without anything from elsewhere. @param policy what else its content may be, in the words of CSP. */
export function page(body: LocalAnswer["body"], policy: string): LocalAnswer {
  return answer(200, "text/html; charset=utf-8", body, {
    "Content-Security-Policy": `default-src 'none'; img-src data:; base-uri 'none'; frame-ancestors 'none'; ${policy}`,
    // Without a referrer a browser would call our own forms foreign: `Origin: null`.
    "Referrer-Policy": "same-origin",
  });
}

/** Text as it stands in HTML, in attributes too. */
export function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
