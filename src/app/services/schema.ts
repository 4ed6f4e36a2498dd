// `services:`, the short way to say what is served: names, and where each leads.
import { type Infer, int, mapOf, object, text, unfilled, word } from "../../config/schema.ts";
import type { NameRule, Partially, Report } from "../../config/spec.ts";
import { type WrittenAddresses, addressKeys, checkAddresses } from "../../namers/static/config.ts";
import { endpointProtocols } from "../../protocols/http/config.ts";
import { retryKeys } from "../../resilience/config.ts";

/** The name of what has no name of its own. */
export const ANY_OTHER = "*";
/** `to: dns`, for hosts that are looked up. */
const DNS = "dns";

const hostName: NameRule = {
  wrong: wrongName,
  instead: 'write a host name such as users or users.example.com, or "*" for every other one',
};

function wrongName(name: string): string | null {
  if (name === ANY_OTHER || /^(?=.{1,253}$)[0-9A-Za-z_]([\w.-]*[0-9A-Za-z_])?$/.test(name)) return null;
  if (name.includes("*")) return "cannot be part of a name";
  if (/:\d*$/.test(name)) return "has a port: requests for any port of a host are for its service";
  return "is no host name";
}

/** Which requests may be sent again: words for kinds of classifiers. */
export const retried = {
  reads: "retryableRead5XX",
  idempotent: "retryableIdempotent5XX",
  all: "retryableAll5XX",
} as const;

const service = object(
  { doc: "One service, by the host that requests for it have.", short: "to", checks: [checkService] },
  {
    ...addressKeys(
      ' All of them are balanced together. For `"*"` alone: `dns`, the host of each request, with port 80 where none is written.',
    ),
    file: text({
      doc: "A file with the addresses instead, one `host port` per line, watched. A relative path is taken from where the process was started.",
    }),
    protocol: word(
      {
        doc: "What is spoken to the endpoints; `h2` is HTTP/2 with prior knowledge, which services of gRPC need.",
        defaultDoc: "as the router: `http/1.1`, in h2 routers `h2`",
      },
      endpointProtocols,
    ),
    timeoutMs: int({
      doc: "Answers 503 when a request, all its attempts included, takes longer.",
      unit: "ms",
      min: 1,
      defaultDoc: "no limit",
      example: 5000,
    }),
    retries: object(
      { doc: "Sends requests again that were answered with 5xx, or not at all." },
      {
        of: word(
          {
            doc: "Which: `reads` (GET, HEAD, OPTIONS, TRACE), all that are `idempotent` (PUT and DELETE, too), or `all`.",
            default: "reads",
          },
          ["reads", "idempotent", "all"],
        ),
        ...unfilled(retryKeys),
      },
    ),
  },
);

export const services = mapOf(
  {
    doc: 'What is served, in short: names, and where each leads. Without `routers` there is then one for HTTP/1.1 and HTTP/2 on 127.0.0.1:4140. A service is known by the host of a request, in any case and whatever its port; `"*"` is every other host, and its policy that of all services without one of their own. `fairlead check --expand` shows the rules and namers that this stands for. Needs `fairlead: 1`.',
    name: hostName,
    example: "users: 127.0.0.1:8080",
    origin: "fairlead",
  },
  service,
);

/** Services as they are written. */
export type Services = Infer<typeof services>;
export type Service = Services[string];

/** Whether the hosts of requests are looked up. */
export function isDns({ to }: Partially<WrittenAddresses>): boolean {
  return to?.length === 1 && to[0]?.trim() === DNS;
}

interface CheckedService extends WrittenAddresses {
  readonly file?: string | undefined;
}

function checkService(written: Partially<CheckedService>, report: Report): void {
  const { file, port, to } = written;
  if (to !== undefined && file !== undefined) report(["file"], "there is to: as well", "keep one of to: and file:");
  if (to === undefined && file === undefined)
    report([], 'neither "to" nor "file" is there', "add to: with one or several addresses, or file:");
  if (port !== undefined && (isDns(written) || (to === undefined && file !== undefined)))
    report(["port"], "has no meaning here", "remove it; it is for addresses in to: that have none");
  if (!isDns(written)) checkAddresses(written, report);
}

interface CheckedFile {
  readonly fairlead?: number | undefined;
  readonly services?: Readonly<Record<string, Partially<CheckedService> | undefined>> | undefined;
}

/** What no service can know by itself. */
export function checkServices({ fairlead, services: written }: CheckedFile, report: Report): void {
  if (written === undefined) return;
  if (fairlead === undefined)
    report(
      ["services"],
      "is understood in files with fairlead: 1 alone",
      "begin the file with fairlead: 1; a file of Linkerd 1.x says the same with namers, and a dtab in its routers",
    );
  const seen = new Map<string, string>();
  for (const [name, service] of Object.entries(written)) {
    const at = ["services", name];
    const same = seen.get(name.toLowerCase());
    if (same !== undefined)
      report(at, `"${name}" is the same host as "${same}"`, "keep one of them: hosts do not differ by case");
    else seen.set(name.toLowerCase(), name);
    if (name !== ANY_OTHER && service !== undefined && isDns(service))
      report(
        at,
        `dns stands for any host and belongs to "${ANY_OTHER}"`,
        `write an address, such as ${name}.internal:8080`,
      );
  }
}
