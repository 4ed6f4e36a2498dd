// Zipkin's own server, in its released jar: takes the spans of both telemeters, over HTTP and by Scribe, and shows one trace of two spans.
import { deepEqual, equal } from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../ask.ts";
import { BIN } from "../fairlead.ts";
import { freePort, listening } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";

const VERSION = "3.4.4";
const JAR = `.m2/repository/io/zipkin/zipkin-server/${VERSION}/zipkin-server-${VERSION}-exec.jar`;
const FETCH_LIMIT_MS = 120_000;
const START_LIMIT_MS = 60_000;

interface Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  readonly shared?: boolean;
  readonly localEndpoint: { readonly serviceName: string };
  readonly remoteEndpoint?: { readonly serviceName?: string };
  readonly tags: Readonly<Record<string, string>>;
}

export const zipkin: Peer = {
  name: "Zipkin",
  named: false,
  needs: [
    { probes: [["java", "-version"]], packages: ["default-jre-headless"] },
    { probes: [["mvn", "--version"]], packages: ["maven"] },
  ],
  async run(stage, java = "", maven = "") {
    const jar = await fetched(stage, maven);
    if (jar === null) return stage.report.skip("everything", "the jar cannot be had here");
    const [http, scribe] = [await freePort(), await freePort()];
    const flags = ["--zipkin.collector.scribe.enabled=true", `--zipkin.collector.scribe.port=${scribe}`];
    const server = stage.processes.start("zipkin", java, ["-Xmx256m", "-jar", jar, ...flags], {
      env: { QUERY_PORT: String(http) },
    });
    await listening(server, http, START_LIMIT_MS);
    const ways = [
      ["over HTTP", { kind: "io.zipkin.http", host: `127.0.0.1:${http}`, initialSampleRate: 1 }],
      [
        "over HTTP, uncompressed",
        { kind: "io.zipkin.http", host: `127.0.0.1:${http}`, initialSampleRate: 1, compressionEnabled: false },
      ],
      ["by Scribe", { kind: "io.l5d.zipkin", host: "127.0.0.1", port: scribe, sampleRate: 1 }],
    ] as const;
    for (const [i, [way, telemeter]] of ways.entries())
      await stage.report.case(`has a trace of two spans, sent ${way}`, () => traced(stage, http, telemeter, i + 1));
    server.signal("SIGTERM");
    await server.ended;
  },
};

/** The jar, from Maven Central if it is not here yet. */
async function fetched(stage: Stage, maven: string): Promise<string | null> {
  const jar = join(homedir(), JAR);
  const artifact = `-Dartifact=io.zipkin:zipkin-server:${VERSION}:jar:exec`;
  if (!existsSync(jar))
    await stage.processes.run(maven, ["-q", "-B", "dependency:get", artifact, "-Dtransitive=false"], {
      timeoutMs: FETCH_LIMIT_MS,
    });
  return existsSync(jar) ? jar : null;
}

async function traced(stage: Stage, zipkinPort: number, telemeter: object, number: number): Promise<void> {
  const [port, admin] = [await freePort(), await freePort()];
  const service = await stage.serveNode(`zipkin-${number}`, false);
  const file = join(stage.directory("zipkin"), `${number}.json`);
  const routers = [
    { protocol: "http", label: "edge", dtab: `/svc/users => /$/inet/127.0.0.1/${service.port}`, servers: [{ port }] },
  ];
  writeFileSync(file, JSON.stringify({ admin: { port: admin }, telemetry: [telemeter], routers }));
  const fairlead = stage.processes.start(`fairlead-zipkin-${number}`, process.execPath, [BIN, "run", file]);
  await listening(fairlead, port);
  const [span, parent, root] = ["3333333333333333", "2222222222222222", `${number}`.repeat(16)];
  const high = "4444444444444444";
  const context = Buffer.from(`${span}${parent}${root}0000000000000006${high}`, "hex").toString("base64");
  await ask(`127.0.0.1:${port}`, "users", "/hello?secret=1", { headers: { "l5d-ctx-trace": context } });
  fairlead.signal("SIGTERM");
  equal(await fairlead.ended, 0); // what was left has been sent
  const spans = await shown(zipkinPort, `${high}${root}`);
  equal(spans.length, 2);
  const [server, client] = ["SERVER", "CLIENT"].map((kind) => spans.find((each) => each.kind === kind));
  deepEqual(
    [server?.id, server?.parentId, server?.shared, server?.name, server?.localEndpoint.serviceName],
    [span, parent, true, "get", "edge"],
  );
  deepEqual(
    [client?.parentId, client?.shared, client?.localEndpoint.serviceName, client?.remoteEndpoint?.serviceName],
    [span, undefined, "edge", "/svc/users"],
  );
  deepEqual([server?.tags["http.uri"], server?.tags["http.status_code"]], ["/hello", "200"]);
}

/** The spans of a trace, as soon as there are any. */
async function shown(port: number, traceId: string): Promise<readonly Span[]> {
  for (let tries = 0; ; tries++) {
    const { status, text } = await ask(`127.0.0.1:${port}`, "zipkin", `/api/v2/trace/${traceId}`);
    if (status === 200) return JSON.parse(text) as Span[]; // as documented
    if (tries === 50) throw new Error(`no trace ${traceId}: ${status} ${text.slice(0, 200)}`);
    await sleep(100);
  }
}
