// A failed exchange as a value. Nothing in the proxy parses messages; policy reads these fields.
import { type Cause, causes, type RetrySafety, type Source } from "./cause.ts";

/** Facts of one failure, as they appear after the token: `;endpoint=10.0.0.1:80;reused=true`. */
export type FailureDetail = Readonly<Record<string, string | number | boolean>>;

/** Why an exchange or attempt failed, and what may be done about it. */
export class Failure {
  readonly cause: Cause;
  /** One sentence for a person, without line breaks. */
  readonly message: string;
  /** Machine-readable facts. */
  readonly detail: FailureDetail;
  /** May differ from the catalogue's: a connection that broke before any byte left makes every request safe. */
  readonly retry: RetrySafety;
  #token: string | null = null;

  constructor(cause: Cause, message: string = cause.means, detail: FailureDetail = NO_DETAIL, retry = cause.retry) {
    this.cause = cause;
    this.message = message;
    this.detail = detail;
    this.retry = retry;
  }

  get source(): Source {
    return this.cause.source;
  }

  /** A caller that went away, or a service that closes a connection in order, says nothing about the endpoint: excluded from its record and its balance. */
  get ignorable(): boolean {
    const { category } = this.cause;
    return category === "gone" || category === "leaving";
  }

  /** This process has run out of something: it says nothing of the endpoint, and another one would do no better. */
  get ours(): boolean {
    return this.cause === causes.exhausted;
  }

  /** The same, and not to be tried again by anybody. */
  final(): Failure {
    return this.retry === "never" ? this : new Failure(this.cause, this.message, this.detail, "never");
  }

  /** The value of the `fairlead-cause` header: the token, then `;key=value` for each fact. */
  token(): string {
    return (this.#token ??= this.#spell());
  }

  #spell(): string {
    let text = this.cause.token;
    for (const [key, value] of Object.entries(this.detail)) text += `;${key}=${escapeDetail(String(value))}`;
    return text;
  }
}

const NO_DETAIL: FailureDetail = {};

// Values stay within visible ASCII without `;`, so that the token is one header value and one log word.
function escapeDetail(value: string): string {
  return value.replace(/[^!-:<-~]/g, (c) => encodeURIComponent(c)).replaceAll(";", "%3B");
}
