import { runInNewContext } from "node:vm";
import { expect, test, vi } from "vitest";
import { COLUMNS, overviewRow } from "./overview-row.ts";
import { overviewScript } from "./overview-script.ts";

const now = {
  requests: { counter: 300 },
  success: { counter: 299 },
  request_latency_ms: { "stat.p50": 1.25, "stat.p95": 2, "stat.p99": 30.04 },
  pending: { gauge: 2 },
  connections: { gauge: 4 },
  endpoints: { alive: { gauge: 3 }, dead: { gauge: 1 }, probing: { gauge: 0 } },
};

test("A row shows totals since the start", () => {
  const cells = overviewRow(now, null, 1);
  expect(cells).toEqual(["300", "", "99.67 %", "1.3", "2.0", "30.0", "2", "4", "3", "1", "0"]);
  expect(cells).toHaveLength(COLUMNS.length);
});

test("With an earlier reading it shows what happened since", () => {
  const before = { requests: { counter: 200 }, success: { counter: 200 } };
  expect(overviewRow(now, before, 2).slice(0, 3)).toEqual(["300", "50.0", "99.00 %"]);
  expect(overviewRow(now, now, 1).slice(0, 3)).toEqual(["300", "0.0", "99.67 %"]);
});

test("What was closed and opened again counts from zero", () => {
  const before = { requests: { counter: 1000 }, success: { counter: 1000 } };
  expect(overviewRow(now, before, 1).slice(0, 3)).toEqual(["300", "300.0", "99.67 %"]);
});

test("What is not there is empty, and what has not begun is zero", () => {
  expect(overviewRow({}, null, 1)).toEqual(["0", "", "", "", "", "", "", "", "", "", ""]);
});

/** As much of a document as the script touches. */
class Element {
  textContent = "";
  children: Element[] = [];
  readonly dataset: Readonly<Record<string, string>>;
  constructor(dataset: Readonly<Record<string, string>> = {}) {
    this.dataset = dataset;
  }
  append(...children: Element[]): void {
    this.children.push(...children);
  }
  replaceChildren(...children: Element[]): void {
    this.children = children;
  }
}

test("The page's script fills in what it reads, once a second, and takes names for text", async () => {
  const name = "#/<b>web</b>";
  let requests = 100;
  const table = new Element({ router: "http", kind: "client" });
  const byId: Readonly<Record<string, Element>> = { uptime: new Element(), live: new Element() };
  const waiting: (() => Promise<void>)[] = [];
  let nowMs = 0;
  const asked: string[] = [];
  const fetched = (path: string) => {
    asked.push(path);
    requests += 20;
    const client = { [name]: { requests: { counter: requests }, success: { counter: requests } } };
    const tree = { process: { uptime_ms: { gauge: 61_000 } }, rt: { http: { client } } };
    return Promise.resolve({ ok: true, status: 200, json: () => Promise.resolve(tree) });
  };
  runInNewContext(overviewScript(200), {
    document: {
      createElement: () => new Element(),
      querySelectorAll: () => [table],
      getElementById: (id: string) => byId[id],
    },
    fetch: fetched,
    performance: { now: () => nowMs },
    setTimeout: (run: () => Promise<void>, delayMs: number) => {
      expect(delayMs).toBe(1000);
      waiting.push(run);
    },
  });
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  nowMs = 2000;
  await waiting[0]?.();
  expect(asked).toEqual(["/admin/metrics.json?tree=1", "/admin/metrics.json?tree=1"]);
  const [row] = table.children;
  expect(table.children).toHaveLength(1);
  expect(row?.children.map((cell) => cell.textContent).slice(0, 4)).toEqual([name, "140", "10.0", "100.00 %"]);
  expect(byId["uptime"]?.textContent).toBe("61 s");
  expect(byId["live"]?.textContent).toBe("· live");
});

test("The page's script says so when the server does not answer, and tries again", async () => {
  const byId: Readonly<Record<string, Element>> = { uptime: new Element(), live: new Element() };
  const tries: unknown[] = [];
  runInNewContext(overviewScript(200), {
    document: { querySelectorAll: () => [], getElementById: (id: string) => byId[id] },
    fetch: () => Promise.reject(new Error("refused")),
    setTimeout: (run: unknown) => void tries.push(run),
  });
  await vi.waitFor(() => expect(tries).toHaveLength(1));
  expect(byId["live"]?.textContent).toBe("· no answer: refused");
});
