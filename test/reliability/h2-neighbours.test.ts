// R13: while a port is attacked, over HTTP/2 or HTTP/1.1, the p99 of others who speak HTTP/2 is at most twice what it is otherwise.
//
// A neighbour in a process of its own asks two proxies at the same time, of which one is attacked: whatever else the machine does slows both. It
// asks once a millisecond whatever became of the last request, so that no stall is overlooked, and a service of its own answers. The attack
// comes from a process of its own as well, steadily; whoever is cut off is back after a moment.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AttackOrder, AttackReport } from "../support/h2-attacker.ts";
import { attacks } from "../support/h2-attacks.ts";
import { NodeService } from "../support/h2-load.ts";
import type { NeighbourGreeting, NeighbourOrder, NeighbourReport } from "../support/h2-neighbour.ts";
import { sized } from "../support/long.ts";
import { waitedMs } from "../support/process-state.ts";
import { freePorts, Program } from "../support/program.ts";

const SLOWER = 2;
/** Less than this is no more than a scheduler may do to anybody. */
const LEAST_P99_MS = 3;
const LEAST_P50_MS = 0.5;
const WINDOW_MS = sized(500, 5000);
/**
 * What else happens on a machine only makes a window worse. So one good one is proof, if the proxy that nobody attacks was quick in it. Bad ones
 * are, if the proxy that is attacked had a processor whenever it wanted one, or if even half of the answers were late in most of them.
 */
const QUICK_MS = 3;
const BAD_WINDOWS = 3;
const WINDOWS = 6;
const SLOW_WINDOWS = 5;
/** Of a window: more would be seen in a p99. */
const MOST_WAITING = 0.03;
/** The attack is under way then. */
const BEGUN_MS = 100;
const LARGE_BYTES = 1_000_000;
const TOO_BUSY = "the machine is too busy to tell";

/** A process that answers every message with one. */
class Helper<Order, Report> {
  readonly #child: ChildProcess;

  constructor(file: string) {
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)));
  }

  /** What it says next. */
  async says(): Promise<unknown> {
    const [message] = (await once(this.#child, "message")) as unknown[];
    return message;
  }

  async tell(order: Order): Promise<Report> {
    const answer = this.says();
    this.#child.send(order as object);
    return (await answer) as Report; // by the types of the helper
  }

  /** Expects no answer. */
  order(order: Order): void {
    this.#child.send(order as object);
  }

  end(): void {
    this.#child.disconnect();
  }
}

interface Stage extends AsyncDisposable {
  readonly neighbour: Helper<NeighbourOrder, NeighbourReport[]>;
  readonly attacker: Helper<AttackOrder | null, AttackReport>;
  readonly attacked: Program;
  readonly attackedPort: number;
  /** Of a proxy that nobody attacks. */
  readonly controlPort: number;
}

async function setStage(): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const neighbour = parts.adopt(
    new Helper<NeighbourOrder, NeighbourReport[]>("../support/h2-neighbour.ts"),
    async (helper) => helper.end(),
  );
  const { servicePort } = (await neighbour.says()) as NeighbourGreeting; // it says that first
  const attacker = parts.adopt(
    new Helper<AttackOrder | null, AttackReport>("../support/h2-attacker.ts"),
    async (helper) => helper.end(),
  );
  await attacker.says();
  const service = parts.use(
    await NodeService.start((stream, headers) => {
      stream.resume();
      if (headers[":method"] === "POST") return; // it waits for the rest
      stream.respond({ ":status": 200 });
      stream.end(headers[":path"] === "/large" ? Buffer.alloc(LARGE_BYTES) : "ok");
    }),
  );
  const dtab = `/svc/web => /$/inet/127.0.0.1/${service.port}; /svc/near => /$/inet/127.0.0.1/${servicePort}`;
  const [attackedPort = 0, controlPort = 0, ...admin] = await freePorts(4);
  const start = (port: number, adminPort: number): Program => {
    const configuration = {
      admin: { port: adminPort },
      routers: [{ protocol: "h2", dtab, servers: [{ port, http1: true }] }],
    };
    return parts.use(new Program(["run", "-"], { input: JSON.stringify(configuration) }));
  };
  const attacked = start(attackedPort, admin[0] as number); // four were asked for
  const control = start(controlPort, admin[1] as number);
  for (const program of [attacked, control]) await program.said("is ready");
  const all = parts.move();
  return { neighbour, attacker, attacked, attackedPort, controlPort, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

let stage: Stage;

beforeAll(async () => {
  stage = await setStage();
  await measure(1000); // compiles what is used
});

afterAll(() => stage[Symbol.asyncDispose]());

interface Measured {
  readonly attacked: NeighbourReport;
  readonly control: NeighbourReport;
  /** Share of the time in which the attacked proxy waited for a processor. */
  readonly waiting: number;
}

async function measure(forMs = WINDOW_MS): Promise<Measured> {
  const { attackedPort, controlPort, neighbour } = stage;
  const before = waitedMs(stage.attacked.pid);
  const [attacked, control] = await neighbour.tell({ ports: [attackedPort, controlPort], authority: "near", forMs });
  const waiting = (waitedMs(stage.attacked.pid) - before) / forMs;
  return { attacked: attacked as NeighbourReport, control: control as NeighbourReport, waiting }; // as many as there are ports
}

/** Was one answer in a hundred so late that the attack was not kept within bounds? */
const isLate = ({ attacked, control }: Measured): boolean =>
  attacked.p99 > Math.max(SLOWER * control.p99, LEAST_P99_MS);

/** Was every other one? */
const isSlow = ({ attacked, control }: Measured): boolean =>
  attacked.p50 > Math.max(SLOWER * control.p50, LEAST_P50_MS);

/** Measures until it is known whether others are well served: true or false, or null where the machine is too busy to tell. */
async function areOthersWell(name: string): Promise<boolean | null> {
  let late = 0;
  let slow = 0;
  for (let n = 0; n < WINDOWS && late < BAD_WINDOWS; n++) {
    const one = await measure();
    const { attacked, control, waiting } = one;
    console.log(
      `${name}: p99 ${attacked.p99.toFixed(2)} ms, ${control.p99.toFixed(2)} without; p50 ${attacked.p50.toFixed(2)} and ` +
        `${control.p50.toFixed(2)}, most ${attacked.most.toFixed(1)} and ${control.most.toFixed(1)}; waiting ${(100 * waiting).toFixed(1)} %`,
    );
    expect(attacked.failed + control.failed).toBe(0);
    if (isSlow(one)) slow++;
    else if (!isLate(one) && control.p99 <= QUICK_MS) return true;
    if (isLate(one) && waiting <= MOST_WAITING) late++;
  }
  return late === BAD_WINDOWS || slow >= SLOW_WINDOWS ? false : null;
}

test("without an attack both proxies are equally fast", async (context) => {
  const well = await areOthersWell("nothing");
  context.skip(well === null, TOO_BUSY);
  expect(well).toBe(true);
});

test.for(Object.entries(attacks))(
  "%s: the p99 of other connections is at most twice what it is otherwise",
  async ([name, { endsIt = false }], context) => {
    const { attackedPort, attacker } = stage;
    attacker.order({ attack: name, port: attackedPort });
    await new Promise((begun) => void setTimeout(begun, BEGUN_MS));
    const well = await areOthersWell(name);
    const { connections, cutOff, units } = await attacker.tell(null);
    console.log(`${name}: sent ${units} times on ${connections} connections, of which ${cutOff} were cut off`);
    expect(units).toBeGreaterThan(0);
    if (endsIt) expect(cutOff).toBeGreaterThan(0);
    context.skip(well === null, TOO_BUSY);
    expect(well).toBe(true);
  },
);
