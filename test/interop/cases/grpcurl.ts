// grpcurl before fairlead's h2 router: reflection, health, where an override leads, and streams that outlive the order to stop.
import { deepEqual, match } from "node:assert/strict";
import { type H2Proxy, startH2, stopH2 } from "../h2.ts";
import type { Ended } from "../processes.ts";
import { type Launch, type Peer, program, type Stage } from "../stage.ts";
import { buildGo, GO } from "./grpc.ts";

const IN_FLIGHT = 5;
const MESSAGES = 10;

type Command = (...args: string[]) => Promise<Ended>;

export const grpcurl: Peer = {
  name: "grpcurl",
  named: true,
  needs: [GO],
  async run(stage, go = "") {
    const command = await buildGo(stage, go, "github.com/fullstorydev/grpcurl/cmd/grpcurl");
    const service = await buildGo(stage, go, ".");
    const interop = (port: number) => ({ command: service, args: ["serve", `127.0.0.1:${port}`] });
    const routes = {
      go: (await stage.serve("grpcurl-go", interop, false)).port,
      other: (await stage.serve("grpcurl-other", withoutHealth, false)).port,
    };
    const one = await startH2(stage, "grpcurl-proxy", routes);
    const run: Command = (...args) => stage.processes.run(command, ["-plaintext", "-max-time", "10", ...args]);
    await grpcurlCases(stage, run, one.of("go"));
    if (one.isFairlead) {
      await override(stage, run, one);
      await stage.report.case(`lets ${IN_FLIGHT} streams in flight come to their end when it is told to stop`, () =>
        stopInFlight(stage, command, one),
      );
    }
    await stopH2(stage, one);
  },
};

async function grpcurlCases({ report }: Stage, run: Command, address: string): Promise<void> {
  const health = ["-d", '{"service": "grpc.testing.TestService"}', "-max-time", "2", address];

  await report.case("learns by reflection what is served", async () => {
    match((await run(address, "list")).stdout, /^grpc\.health\.v1\.Health\n[^]*grpc\.testing\.TestService\n$/);
    match(
      (await run(address, "describe", "grpc.testing.TestService.UnaryCall")).stdout,
      /\.grpc\.testing\.SimpleRequest/,
    );
  });

  await report.case("calls a method that it knows by reflection", async () => {
    const { stdout } = await run("-d", '{"response_size": 3}', address, "grpc.testing.TestService/UnaryCall");
    deepEqual(JSON.parse(stdout), { payload: { body: "AAAA" } });
  });

  await report.case("asks for health", async () => {
    const { stdout } = await run(...health, "grpc.health.v1.Health/Check");
    deepEqual(JSON.parse(stdout), { status: "SERVING" });
  });

  await report.case("watches health until its deadline, and sees the first state at once", async () => {
    const { stderr, stdout } = await run(...health, "grpc.health.v1.Health/Watch");
    deepEqual(JSON.parse(stdout), { status: "SERVING" });
    match(stderr, /DeadlineExceeded/);
  });

  await report.case("is told that a service is not known", async () => {
    const { stderr } = await run("-d", '{"service": "nobody"}', address, "grpc.health.v1.Health/Check");
    match(stderr, /Code: NotFound\n\s*Message: unknown service/);
  });
}

/** A caller's override holds for this call, and two fairleads away. */
async function override(stage: Stage, run: Command, one: H2Proxy): Promise<void> {
  const two = await startH2(stage, "grpcurl-second-proxy", { first: Number(one.of("go").split(":")[1]) });
  for (const [hops, address] of [
    ["one hop", one.of("go")],
    ["two hops", two.of("first")],
  ] as const) {
    await stage.report.case(`overrides where a call goes, ${hops} away`, async () => {
      const there = ["-d", '{"service": "grpc.testing.TestService"}', address, "grpc.health.v1.Health/Check"];
      deepEqual(JSON.parse((await run(...there)).stdout), { status: "SERVING" });
      // Reflection still asks the service that has it.
      const { stderr } = await run("-rpc-header", "l5d-dtab: /#/io.l5d.fs/go => /#/io.l5d.fs/other", ...there);
      match(stderr, /Code: Unimplemented/);
    });
  }
  await stopH2(stage, two);
}

/** Streams of 2 s each: fairlead is told to stop when each of them has begun. */
async function stopInFlight({ processes }: Stage, command: string, one: H2Proxy): Promise<void> {
  const request = { response_parameters: Array(MESSAGES).fill({ size: 1, interval_us: 2_000_000 / MESSAGES }) };
  const args = [
    "-plaintext",
    "-d",
    JSON.stringify(request),
    one.of("go"),
    "grpc.testing.TestService/StreamingOutputCall",
  ];
  let begun = 0;
  const ends = Array.from({ length: IN_FLIGHT }, () => {
    let lines = 0;
    return processes.run(command, args, {
      line: () => {
        if (lines++ === 0 && ++begun === IN_FLIGHT) for (const { signal } of one.processes) signal("SIGTERM");
      },
    });
  });
  for (const { code, stderr, stdout } of await Promise.all(ends)) {
    deepEqual([code, stdout.match(/"payload"/g)?.length, stderr], [0, MESSAGES, ""]);
  }
  deepEqual(await Promise.all(one.processes.map(({ ended }) => ended)), [0]);
}

/** It has the interop service and no other. */
function withoutHealth(port: number): Launch {
  return { command: process.execPath, args: [program("grpc/node/frames-server.mjs"), `127.0.0.1:${port}`] };
}
