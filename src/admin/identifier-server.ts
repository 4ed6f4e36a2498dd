// The port of `admin.httpIdentifierPort` (linkerd1 §7.5): whatever is asked there, the answer is what each router would call that request.
// Nothing is sent anywhere.
//
// A request here is one that is meant for a service, so its Host says nothing about who asks; against pages of other sites there is the
// rule about `Origin` alone. It belongs to the category diagnostics, without which nothing is answered.
import type { Listener } from "../core/byte-stream.ts";
import { type LocalAnswer, LocalProblem, type LocalRequest } from "../protocols/http1/local-answer.ts";
import { json, problem } from "./answers.ts";
import { checkOrigin } from "./guard.ts";
import { LocalServer, type LocalServerParts, type LocalServerSettings, type LocalServerWords } from "./local-server.ts";
import type { NamedRequest, Subject } from "./subject.ts";

/** What its socket is called. */
export const IDENTIFIER_SOCKET = "http-identifier";

const WORDS: LocalServerWords = {
  what: "the HTTP identifier",
  name: IDENTIFIER_SOCKET,
  keys: { ip: "admin.ip", port: "admin.httpIdentifierPort" },
};

/** Where it listens, and whether it may say anything. */
export interface IdentifierSettings extends LocalServerSettings {
  readonly security: { readonly diagnosticsEnabled: boolean };
}

/** What the server stands on. */
export interface IdentifierParts extends Omit<LocalServerParts, "env" | "logger"> {
  readonly subject: Pick<Subject, "env" | "identify" | "log">;
}

/** A listening server. */
export class IdentifierServer extends LocalServer {
  readonly #subject: IdentifierParts["subject"];
  readonly #enabled: boolean;

  private constructor({ security }: IdentifierSettings, { subject, ...rest }: IdentifierParts) {
    super({ ...rest, env: subject.env, logger: subject.log.logger("admin") });
    this.#subject = subject;
    this.#enabled = security.diagnosticsEnabled;
  }

  /** Listens, or goes on with the listener of another. Rejects, in words, when that is not possible. */
  static async start(
    settings: IdentifierSettings,
    parts: IdentifierParts,
    listener: Listener | null,
  ): Promise<IdentifierServer> {
    const server = new IdentifierServer(settings, parts);
    await server.listen(settings, WORDS, listener);
    return server;
  }

  protected async serve(request: LocalRequest): Promise<LocalAnswer> {
    if (!this.#enabled) return problem(404, "admin.security.diagnosticsEnabled is false", true);
    try {
      checkOrigin(request);
    } catch (error) {
      if (error instanceof LocalProblem) return problem(error.status, error.message, true);
      throw error;
    }
    const named = await this.#subject.identify(request.head());
    return json(Object.fromEntries(named.map(byLabel)));
  }
}

function byLabel({ label, ...found }: NamedRequest): [string, object] {
  return [label, found];
}
