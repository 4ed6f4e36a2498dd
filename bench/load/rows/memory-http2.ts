// Resident memory of a fresh fairlead with 10 000 open streams that have answered once and rest.
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, type Figure, ownFigure, type Row, type RowOutcome } from "../bench.ts";
import { hasDist, SHARED_DTAB, startFairlead } from "../fairlead.ts";
import { speaking } from "../families.ts";
import { failuresOf } from "../generator.ts";

const MB = 1e6;
const STREAMS = 10_000;
const SHAPES = [
  { connections: 1000, streams: 10 },
  { connections: 100, streams: 100 },
] as const;
const SETTLE_MS = 3000;
const SECONDS = 60;

interface Held {
  readonly before: number;
  readonly open: number;
  readonly answered: number;
  readonly failures: number;
}

/** Opens all streams on a fresh process, waits until each has its first message, and reads the memory. */
async function hold(bench: Bench, shape: (typeof SHAPES)[number]): Promise<Held> {
  const name = `memory-${shape.connections}x${shape.streams}`;
  const port = bench.site.ports.extra;
  const { proxy } = await startFairlead(bench.site, { name, family: "h2", port, dtab: SHARED_DTAB, dist: hasDist() });
  try {
    await sleep(SETTLE_MS);
    const before = proxy.memory().rss;
    const plan = { target: proxy.port, seconds: SECONDS, hold: 1, ...shape, ...speaking("h2") } as const;
    const result = await bench.site.generator.run(plan);
    await sleep(SETTLE_MS);
    return { before, open: proxy.memory().rss, answered: result.ok, failures: failuresOf(result) };
  } finally {
    bench.site.generator.release();
    await proxy.stop();
  }
}

function notesOn(held: Held): string[] {
  if (held.answered >= STREAMS && held.failures === 0) return [];
  return [`only ${held.answered} of ${STREAMS} streams were open, ${held.failures} failed: do not quote`];
}

async function measure(bench: Bench): Promise<RowOutcome> {
  const figures: Figure[] = [];
  const raw: Held[] = [];
  for (const shape of SHAPES) {
    const text = `${shape.connections} × ${shape.streams}`;
    bench.progress.step(text);
    const held = await hold(bench, shape);
    raw.push(held);
    figures.push(ownFigure(`${text} open streams, RSS`, "MB", held.open / MB, { must: 150 }));
    figures.push(ownFigure(`${text}, per open stream`, "kB", (held.open - held.before) / STREAMS / 1000));
  }
  return { figures, raw, notes: raw.flatMap(notesOn) };
}

export const memoryHttp2Rows: readonly Row[] = [
  {
    name: "memory-h2",
    says: `resident memory of a fresh process with ${STREAMS} open streams at rest, on 1 000 and on 100 connections`,
    quick: false,
    peers: false,
    seconds: () => 25,
    measure,
  },
];
