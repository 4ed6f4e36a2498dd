// What is going on inside: readiness, configuration, clients, namers, stacks.
import type { Namer } from "../../core/namer.ts";
import type { Path } from "../../core/path.ts";
import { type LocalAnswer, LocalProblem } from "../../protocols/http1/local-answer.ts";
import type { ClientDump, EndpointDump } from "../../router/dump.ts";
import { json, text } from "../answers.ts";
import { Items, Members } from "../json-pieces.ts";
import type { RouterSubject, Subject } from "../subject.ts";

export function ready(subject: Subject): LocalAnswer {
  const { ready, detail } = subject.readiness();
  return text(ready ? 200 : 503, `${detail}\n`);
}

export function config(subject: Subject): LocalAnswer {
  return json(subject.config);
}

export function workers(subject: Subject): LocalAnswer {
  return json(subject.workers());
}

/** Of a client in several routers the state is the same, as they share the namers; what each does with it is told apart. */
interface ClientState {
  readonly state: ClientDump["state"];
  readonly message?: string | undefined;
  readonly addresses: readonly string[];
  readonly routers: Record<string, { readonly endpoints: readonly EndpointDump[] }>;
}

export async function clientState(subject: Subject): Promise<LocalAnswer> {
  return json(new Members(clientStates(await subject.routers())));
}

function* clientStates(routers: readonly RouterSubject[]): Generator<readonly [string, ClientState]> {
  const ids = new Set(routers.flatMap((router) => router.clientIds()));
  for (const id of ids) {
    const state = clientStateOf(id, routers);
    if (state !== undefined) yield [id, state];
  }
}

function clientStateOf(id: string, routers: readonly RouterSubject[]): ClientState | undefined {
  const uses = routers.flatMap(({ client, label }) => {
    const dump = client(id);
    return dump === undefined ? [] : [{ label, dump }];
  });
  const [first] = uses;
  if (first === undefined) return undefined; // closed since the list was made
  const { state, message, addresses } = first.dump;
  const inRouters = Object.fromEntries(uses.map(({ label, dump }) => [label, { endpoints: dump.endpoints }]));
  return { state, message, addresses, routers: inRouters };
}

/** The names that configured namers could bind right now. */
export async function boundNames(subject: Subject): Promise<LocalAnswer> {
  const lists = await Promise.all(subject.namers.configured.map(namesOf));
  return json(new Items(lists.flat().map((path) => path.show())));
}

async function namesOf(namer: Namer): Promise<readonly Path[]> {
  try {
    return (await namer.names?.()) ?? [];
  } catch (error) {
    throw new LocalProblem(
      503,
      `${namer.prefix.show()} cannot list its names: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** @param prefix of a namer, without `/#/`: `io.l5d.fs`. */
export function namerState(subject: Subject, prefix: string): LocalAnswer {
  const telling = subject.namers.configured.filter((namer) => namer.state !== undefined);
  const states = telling.filter((namer) => namerName(namer) === prefix).map((namer) => namer.state?.());
  if (states.length === 0) {
    const known = [...new Set(telling.map((namer) => `/namer_state/${namerName(namer)}.json`))];
    const others = known.length === 0 ? "no configured namer does" : `those that do: ${known.join(", ")}`;
    throw new LocalProblem(404, `no namer with the prefix "${prefix}" tells its state; ${others}`);
  }
  return json(states.length === 1 ? states[0] : states);
}

function namerName({ prefix }: Namer): string {
  return prefix.drop(1).show().slice(1);
}

/** The filters a request passes in one router, outermost first. */
export async function stacks(subject: Subject, label: string): Promise<LocalAnswer> {
  const router = await routerOf(subject, label);
  const { protocol, servers } = router;
  return json({
    label,
    protocol,
    servers,
    paths: new Items(router.pathStacks()),
    clients: new Items(router.clientStacks()),
  });
}

/** @throws LocalProblem 404 */
export async function routerOf(subject: Subject, label: string): Promise<RouterSubject> {
  const routers = await subject.routers();
  const found = routers.find((router) => router.label === label);
  if (found !== undefined) return found;
  throw new LocalProblem(
    404,
    `there is no router labelled "${label}"; there are: ${routers.map((router) => router.label).join(", ")}`,
  );
}
