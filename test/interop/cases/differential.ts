// The same requests of HTTP/2, and the same answers of HTTP/1.1, through nghttpx and through fairlead: what comes out must be the same.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom, systemRandom } from "../../../src/base/random.ts";
import type { FieldPairs } from "../../support/h2-frames.ts";
import { BIN } from "../fairlead.ts";
import { ALLOWED_ANSWERS, ALLOWED_REQUESTS, type Allowed } from "../peers/differential/allowed.ts";
import { ANSWERS, type AnswerShape, CUT_ANSWERS, randomAnswers } from "../peers/differential/answers.ts";
import { call } from "../peers/differential/caller.ts";
import {
  ADDED_BY_FAIRLEAD,
  ADDED_BY_NGHTTPX,
  type Added,
  type Difference,
  answerOutcome,
  changed,
  differences,
  type Outcome,
  requestOutcome,
} from "../peers/differential/comparison.ts";
import { CASE, Recorder } from "../peers/differential/recorder.ts";
import { randomShapes, type Shape, SHAPES, SWEEPS } from "../peers/differential/requests.ts";
import { freePort, listening } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";

const RANDOM = 400;
const AT_ONCE = 16;

/** One of the two proxies, and the recorder behind it. */
interface Side {
  readonly port: number;
  readonly recorder: Recorder;
  readonly added: Added;
}

interface Sides {
  readonly nghttpx: Side;
  readonly fairlead: Side;
}

export const differential: Peer = {
  name: "differential",
  named: true,
  needs: [{ probes: [["nghttpx", "--version"]], packages: ["nghttp2-proxy"] }],
  async run(stage, command = "") {
    const seed = Number(process.env["INTEROP_SEED"] ?? systemRandom().bits32());
    const drawn = randomAnswers(seededRandom(seed), RANDOM);
    const said = new Map([...ANSWERS, ...CUT_ANSWERS, ...drawn].map((answer) => [answer.name, answer]));
    const sides = {
      nghttpx: await startNghttpx(stage, command, new Recorder(said)),
      fairlead: await startFairlead(stage, new Recorder(said)),
    };
    try {
      await requests(stage, sides, seed);
      await answers(stage, sides, {
        "of the table": ANSWERS,
        "cut anywhere": CUT_ANSWERS,
        [`drawn with INTEROP_SEED=${seed}`]: drawn,
      });
      for (const [name, { recorder }] of Object.entries(sides)) {
        await stage.report.case(`nothing but whole requests has come out of ${name}`, () => {
          if (recorder.problems.length > 0) throw new Error(recorder.problems.join("\n"));
        });
      }
    } finally {
      for (const { recorder } of Object.values(sides)) recorder.close();
    }
  },
};

/** How cases of one kind are given to a proxy, and what has become of the list of differences. */
interface Comparison<Case> {
  readonly allowed: readonly Allowed[];
  readonly used: Set<Allowed>;
  outcomeOf(one: Case, side: Side): Promise<Outcome>;
  /** What is wrong with what fairlead did, where nghttpx refuses and so does not say what is right. */
  unasked(one: Case, ours: Outcome): readonly Difference[];
}

interface Named {
  readonly name: string;
  readonly tags: readonly string[];
}

async function requests({ report }: Stage, sides: Sides, seed: number): Promise<void> {
  const comparison: Comparison<Shape> = {
    allowed: ALLOWED_REQUESTS,
    used: new Set(),
    async outcomeOf(shape, { added, port, recorder }) {
      const reply = await call(port, { ...shape, fields: [...shape.fields, ...namedBy(shape)] });
      return requestOutcome(reply, recorder.requests.get(shape.name) ?? [], added);
    },
    unasked: changed,
  };
  const groups: Record<string, readonly Shape[]> = { "of the table": SHAPES };
  for (const [where, shapes] of Object.entries(SWEEPS)) groups[`with every octet in ${where}`] = shapes;
  groups[`drawn with INTEROP_SEED=${seed}`] = randomShapes(seededRandom(seed), RANDOM);
  for (const [which, shapes] of Object.entries(groups)) {
    await report.case(`${shapes.length} requests ${which} come out the same`, () => compare(shapes, comparison, sides));
  }
  await allUsed(report, comparison, "requests");
}

async function answers(
  { report }: Stage,
  sides: Sides,
  groups: Readonly<Record<string, readonly AnswerShape[]>>,
): Promise<void> {
  const comparison: Comparison<AnswerShape & Named> = {
    allowed: ALLOWED_ANSWERS,
    used: new Set(),
    async outcomeOf(shape, { added, port }) {
      const fields = [...requestFor(shape.method), ...namedBy(shape)];
      return answerOutcome(await call(port, { fields }), added);
    },
    unasked: () => [],
  };
  for (const [which, shapes] of Object.entries(groups)) {
    const named = shapes.map((shape) => ({ ...shape, tags: [shape.name] }));
    await report.case(`${named.length} answers of HTTP/1.1 ${which} come out the same`, () =>
      compare(named, comparison, sides),
    );
  }
  await allUsed(report, comparison, "answers");
}

function requestFor(method: string): FieldPairs {
  return [
    [":method", method],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "service.example"],
  ];
}

/** What tells fairlead where to, and the recorder which case it is. */
function namedBy({ name }: Pick<Named, "name">): FieldPairs {
  return [
    ["x-service", "recorder"],
    [CASE, name],
  ];
}

/** Gives every case to both sides, some at once; throws all differences that are not allowed. */
async function compare<Case extends Named>(
  cases: readonly Case[],
  comparison: Comparison<Case>,
  sides: Sides,
): Promise<void> {
  const waiting = [...cases];
  const wrong: string[] = [];
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      wrong.push(...(await wrongIn(one, comparison, sides)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
}

async function wrongIn<Case extends Named>(
  one: Case,
  { allowed, outcomeOf, unasked, used }: Comparison<Case>,
  { fairlead, nghttpx }: Sides,
): Promise<string[]> {
  const [theirs, ours] = await Promise.all([outcomeOf(one, nghttpx), outcomeOf(one, fairlead)]);
  const found = [...differences(theirs, ours), ...(theirs.at === "refused" ? unasked(one, ours) : [])];
  return found.flatMap(({ detail, what }) => {
    const reason = allowed.find((entry) => entry.what === what && one.tags.some((tag) => entry.tags.test(tag)));
    if (reason === undefined) return [`${one.name} [${one.tags.join("; ")}]: ${what}: ${detail}`];
    used.add(reason);
    return [];
  });
}

/** A difference that is no more there must not be allowed any longer. */
async function allUsed<Case>(
  report: Stage["report"],
  { allowed, used }: Comparison<Case>,
  kind: string,
): Promise<void> {
  await report.case(`each of the ${allowed.length} differences that are allowed for ${kind} is there`, () => {
    const idle = allowed.filter((entry) => !used.has(entry));
    if (idle.length > 0) throw new Error(idle.map(({ tags, what }) => `${what}: ${tags.source}`).join("\n"));
  });
}

async function startNghttpx(stage: Stage, command: string, recorder: Recorder): Promise<Side> {
  const [port, backend] = [await freePort(), await freePort()];
  await recorder.listen(backend);
  const running = stage.processes.start("differential-nghttpx", command, [
    "--conf=/dev/null",
    "--workers=1",
    "--accesslog-file=/dev/null",
    "--no-add-x-forwarded-proto",
    "--no-strip-incoming-x-forwarded-proto",
    "--no-strip-incoming-early-data",
    "--no-location-rewrite",
    "--no-server-rewrite",
    `-f127.0.0.1,${port};no-tls`,
    `-b127.0.0.1,${backend};;proto=http/1.1`,
  ]);
  await listening(running, port);
  return { port, recorder, added: ADDED_BY_NGHTTPX };
}

async function startFairlead(stage: Stage, recorder: Recorder): Promise<Side> {
  const [port, backend, admin] = [await freePort(), await freePort(), await freePort()];
  await recorder.listen(backend);
  const file = join(stage.directory("differential"), "fairlead.yaml");
  writeFileSync(file, configText(port, backend, admin));
  const running = stage.processes.start("differential-fairlead", process.execPath, [BIN, "run", file]);
  await listening(running, port);
  return { port, recorder, added: ADDED_BY_FAIRLEAD };
}

/** All requests go to one place, whatever they ask for, and no bad answer makes it a dead one. */
function configText(port: number, backend: number, admin: number): string {
  return `admin: { ip: 127.0.0.1, port: ${admin} }
usage: { enabled: false }
routers:
  - protocol: h2
    identifier:
      kind: io.l5d.header.token
      header: x-service
    dtab: |
      /svc/recorder => /$/inet/127.0.0.1/${backend};
    client:
      protocol: http/1.1
      failureAccrual:
        kind: none
    servers:
      - port: ${port}
        ip: 127.0.0.1
`;
}
