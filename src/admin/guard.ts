// Who may ask. There is no password: whoever reaches the port may. But a browser reaches it on behalf of any page it shows, so
// two things are refused that only a foreign page brings about.
//
//   Host     A name that is not ours: the page's own name, made to point at this machine (DNS rebinding). A browser then believes
//            that our answers belong to the page. An address of this machine cannot be made to point elsewhere.
//   Origin   Another site than the one asked: a page that sends a form or a request here.
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { LocalProblem, type LocalRequest } from "../protocols/http1/local-answer.ts";

/** The addresses of this machine, as Node writes them. */
export type OwnAddresses = () => readonly string[];

export const machineAddresses: OwnAddresses = () =>
  Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((entry) => entry.address));

/** Checks requests to one listener. */
export class Guard {
  readonly #listens: string;
  readonly #own: OwnAddresses;

  /** @param listens the address listened on, without port. */
  constructor(listens: string, own: OwnAddresses = machineAddresses) {
    this.#listens = canonical(listens);
    this.#own = own;
  }

  /** @throws LocalProblem 400 or 403 */
  check(request: LocalRequest): void {
    const host = request.header("host");
    // Browsers always send it; health checks in HTTP/1.0 need not.
    if (host === undefined && request.minor === 1)
      throw new LocalProblem(400, "the request has no Host header; HTTP/1.1 demands one");
    if (host !== undefined && !this.#isOurs(hostname(host))) {
      throw new LocalProblem(
        403,
        `requests for Host "${host}" are refused: use localhost or an address of this machine`,
      );
    }
    checkOrigin(request);
  }

  #isOurs(name: string): boolean {
    if (name === "localhost" || name === this.#listens) return true;
    if (isIP(name) === 0) return false;
    // Listening everywhere, it may be reached by an address that only a router between knows (containers).
    if (this.#listens === "0.0.0.0" || this.#listens === "::") return true;
    return name === "::1" || name.startsWith("127.") || this.#own().some((address) => canonical(address) === name);
  }
}

/** Refuses what a page of another site asks. @throws LocalProblem 403 */
export function checkOrigin(request: LocalRequest): void {
  const origin = request.header("origin");
  if (origin === undefined || sameSite(origin, request.header("host"))) return;
  throw new LocalProblem(
    403,
    `requests from the site "${origin}" are refused: only pages of this server itself may ask`,
  );
}

/** The name or address of a Host header, in its usual spelling; `""` when it is neither. */
function hostname(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{0,5})?$/.exec(host) ?? [];
  return canonical(bracketed ?? plain ?? "");
}

function canonical(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, "");
  if (isIP(lower) !== 6) return lower;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(lower);
  if (mapped !== null) return mapped[1] ?? lower;
  const [address = lower] = lower.split("%"); // the zone of a link-local address is the caller's business
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** Whether an Origin (`http://localhost:9990`) is the site that was asked. `null` and anything else that is no URL is foreign. */
function sameSite(origin: string, host: string | undefined): boolean {
  if (host === undefined || !/^https?:\/\//.test(origin) || !URL.canParse(origin)) return false;
  const from = new URL(origin);
  // The default port depends on the scheme, and TLS may have ended before us.
  const asked = `${from.protocol}//${host}`;
  return URL.canParse(asked) && from.host === new URL(asked).host;
}
