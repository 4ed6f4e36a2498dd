// The admin server: metrics, state and a few switches for people and monitoring, on the proxy's own HTTP/1.1 codec.
import type { Listener } from "../core/byte-stream.ts";
import { type LocalAnswer, LocalProblem, type LocalRequest } from "../protocols/http1/local-answer.ts";
import { problem, text } from "./answers.ts";
import { Guard } from "./guard.ts";
import { LocalServer, type LocalServerParts, type LocalServerSettings, type LocalServerWords } from "./local-server.ts";
import { Parameters, unescaped } from "./parameters.ts";
import { MAX_PATH_LENGTH } from "./path-pattern.ts";
import { type Asked, type Found, findRoute, listOf, methodsOf, type Route, routesOf } from "./routes.ts";
import { Security, type SecurityRules } from "./security.ts";
import type { Subject } from "./subject.ts";

/** Where to listen, as the `admin` section says, and who gets what. */
export interface AdminSettings extends LocalServerSettings {
  readonly security: SecurityRules;
}

/** What the server stands on. */
export interface AdminParts extends Omit<LocalServerParts, "env" | "logger"> {
  readonly subject: Subject;
}

const WORDS: LocalServerWords = {
  what: "the admin server",
  name: "admin",
  keys: { ip: "admin.ip", port: "admin.port" },
};

/** A listening admin server. */
export class AdminServer extends LocalServer {
  readonly #subject: Subject;
  readonly #routes: readonly Route[];
  /** Those that anybody is told of; paths with `<…>` may be served without. */
  readonly #shown: readonly Route[];
  readonly #security: Security;
  readonly #guard: Guard;

  private constructor(settings: AdminSettings, { subject, ...rest }: AdminParts) {
    const { env, log } = subject;
    const logger = log.logger("admin");
    super({ ...rest, env, logger });
    this.#subject = subject;
    this.#routes = routesOf(subject);
    this.#security = new Security(settings.security, (pattern) => {
      logger.warn(
        `admin.security: ${pattern} takes too long over a path; from now on it denies whatever it is asked about`,
      );
    });
    this.#shown = this.#routes.flatMap((route) => this.#security.at(route, route.path) ?? []);
    this.#guard = new Guard(settings.socket ?? settings.ip);
  }

  /** Listens, or goes on with the listener of another. Rejects, in words, when that is not possible. */
  static async start(
    settings: AdminSettings,
    parts: AdminParts,
    listener: Listener | null = null,
  ): Promise<AdminServer> {
    const admin = new AdminServer(settings, parts);
    await admin.listen(settings, WORDS, listener);
    return admin;
  }

  protected async serve(request: LocalRequest): Promise<LocalAnswer> {
    const asksJson = /^[^?]*\.json(?:\?|$)/.test(request.target);
    try {
      this.#guard.check(request);
      return await this.#answer(request);
    } catch (error) {
      if (error instanceof LocalProblem) return problem(error.status, error.message, asksJson);
      throw error;
    }
  }

  async #answer(request: LocalRequest): Promise<LocalAnswer> {
    const question = request.target.indexOf("?");
    const path = question < 0 ? request.target : request.target.slice(0, question);
    const found = this.#find(path);
    if (found === undefined)
      return text(404, `there is no ${path.slice(0, 200)} here; there is:\n\n${listOf(this.#shown)}`);
    const { route } = found;
    const { method } = request;
    const answering = method === "POST" ? route.post : method === "GET" || method === "HEAD" ? route.get : undefined;
    if (answering === undefined) return wrongMethod(route, method);
    const query = Parameters.fromForm(question < 0 ? "" : request.target.slice(question + 1), "the query");
    const parameters = method === "POST" ? (await bodyOf(request)).with(query) : query;
    const [accept, host] = [request.header("accept"), request.header("host")];
    const asked: Asked = { parameters, name: unescaped(found.name, "the path"), accept, host, routes: this.#shown };
    return answering(this.#subject, asked);
  }

  /** The endpoint of a path, as far as it may be had. */
  #find(path: string): Found | undefined {
    if (path.length > MAX_PATH_LENGTH) return undefined;
    const found = findRoute(this.#routes, path);
    if (found === undefined) return undefined;
    const { name } = found;
    // Of paths without a gap it was decided at the start.
    const route = name === "" ? this.#shown.find((shown) => shown.path === path) : this.#security.at(found.route, path);
    return route === undefined ? undefined : { route, name };
  }
}

async function bodyOf(request: LocalRequest): Promise<Parameters> {
  const body = await request.body();
  if (body.length === 0) return Parameters.fromForm("", "the body");
  return Parameters.fromBody(body, request.header("content-type"));
}

function wrongMethod(route: Route, method: string): LocalAnswer {
  const allowed = methodsOf(route).join(", ");
  return problem(
    405,
    `${route.path} does not take ${method.slice(0, 64)}; it takes ${allowed}`,
    route.path.endsWith(".json"),
    { Allow: allowed },
  );
}
