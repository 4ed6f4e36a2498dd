// Three hops of real processes (caller, proxy, service, proxy, service, proxy, ten backends) at a constant rate, while backends die and
// fall silent: the scenarios of `npm run scenarios` at a size for every run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { stopEverything } from "../../bench/load/processes.ts";
import { type Chain, startChain } from "../../bench/scenarios/chain.ts";
import { type Figures, figuresOf } from "../../bench/scenarios/measure.ts";
import { offer } from "../../bench/scenarios/offer.ts";
import { type Fault, PROTOCOLS, type Protocol, type Timeline } from "../../bench/scenarios/plan.ts";
import { fairlead } from "../../bench/scenarios/proxies/kinds.ts";
import { sized } from "../support/long.ts";

const RATE = sized(100, 300);
const SECOND_MS = sized(1000, 5000);
/** Two of the ten. */
const VICTIMS = [2, 7];
/** Requests sent again are at most this share of all (service.retries and client.requeueBudget), beside 10 per second. */
const BUDGET = 0.2;

const STOP: Timeline = phases(1, 3, 4.5);
const SILENCE: Timeline = phases(4.5, 6.5, 9);

function phases(fault: number, mended: number, end: number): Timeline {
  return { warmUpMs: 0, faultMs: fault * SECOND_MS, mendedMs: mended * SECOND_MS, endMs: end * SECOND_MS };
}

async function doHarm(chain: Chain): Promise<void> {
  const become = (fault: Fault): void => chain.backends.become(fault, VICTIMS);
  await sleep(STOP.faultMs);
  become("stop");
  await sleep(STOP.mendedMs - STOP.faultMs);
  become("none");
  await sleep(SILENCE.faultMs - STOP.mendedMs);
  become("blackhole");
  await sleep(SILENCE.mendedMs - SILENCE.faultMs);
  become("none");
}

/** The figures of both faults, of one chain. */
async function run(protocol: Protocol): Promise<{ stop: Figures; silence: Figures }> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-chain-"));
  try {
    await using chain = await startChain(fairlead, protocol, folder);
    await offer(chain.caller, { rate: RATE, forMs: 1000, prefix: "warm-up-" });
    const [asked] = await Promise.all([
      offer(chain.caller, { rate: RATE, forMs: SILENCE.endMs, prefix: "" }),
      doHarm(chain),
    ]);
    const seen = await chain.backends.journal();
    return { stop: figuresOf(asked, seen, STOP), silence: figuresOf(asked, seen, SILENCE) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

afterAll(stopEverything);

describe.concurrent("a chain of three hops", () => {
  test.for(PROTOCOLS)(
    "of %s outlives dead and silent backends, and doubles no write",
    { timeout: SILENCE.endMs + 40_000 },
    async (protocol) => {
      const { silence, stop } = await run(protocol);
      console.log(`${protocol}: ${JSON.stringify({ stop: told(stop), silence: told(silence) })}`);
      expect(stop.crossed + stop.doubledWrites).toBe(0);
      expect(silence.crossed + silence.doubledWrites).toBe(0);
      // Only what was on its way at a backend as it died is lost; of silent ones, what it takes to find out, and a probe now and then.
      expect(stop.success.faulty).toBeGreaterThan(0.98);
      expect(silence.success.faulty).toBeGreaterThan(0.9);
      for (const { amplification, course } of [stop, silence]) {
        expect(amplification).toBeLessThanOrEqual(1 + BUDGET + 10 / RATE);
        // The last second. Other tests may have kept one request waiting for too long.
        expect(Math.min(...course.slice(-2))).toBeGreaterThan(0.95);
      }
    },
  );
});

function told({ amplification, backMs, faulty, problems, success }: Figures): object {
  return { success: success.faulty, p99Ms: faulty.p99Ms, amplification, backMs, problems };
}
