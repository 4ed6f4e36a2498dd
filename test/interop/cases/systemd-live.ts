// The units of examples/systemd under a systemd that runs them: socket activation, readiness, reload, restarts under load, watchdog, stop.
import { deepEqual, equal, match } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Peer, Stage } from "../stage.ts";
import { curl } from "./curl.ts";
import { Machine, MACHINE, SERVICE, until } from "./systemd-machine.ts";
import { wrk } from "./wrk.ts";

const CLOSE = ["-H", "Connection: close"];
const WATCHDOG_S = 2;
/** The first number of a user that exists only while its service runs (systemd.exec(5)). */
const DYNAMIC_USERS = 61_184;

export const systemdLive: Peer = {
  name: "systemd: running",
  // It needs rights that not every container gives.
  named: false,
  needs: [
    { probes: [["/lib/systemd/systemd", "--version"]], packages: ["systemd"] },
    { probes: [["sh", MACHINE, "probe"]], packages: ["iproute2"] },
    ...curl.needs,
    ...wrk.needs,
  ],
  async run(stage) {
    const machine = await Machine.start(stage);
    try {
      await starting(stage, machine);
      await changing(stage, machine);
      await failing(stage, machine);
      await stopping(stage, machine);
    } finally {
      await machine.end();
    }
  },
};

const state = (machine: Machine, property: string) => machine.state(SERVICE, property);

async function starting({ report }: Stage, machine: Machine): Promise<void> {
  await report.case("holds the port; the first connection starts the service and is answered", async () => {
    equal(await machine.state("fairlead.socket", "SubState"), "listening");
    equal(await state(machine, "ActiveState"), "inactive");
    equal(await machine.users(), "users hello");
    deepEqual([await state(machine, "SubState"), await state(machine, "Result")], ["running", "success"]);
    match(machine.log(), /serving http on 127\.0\.0\.1:4140 \(inherited\)/);
  });

  await report.case("is told what it does, and runs it as a user that exists only meanwhile", async () => {
    match(await state(machine, "StatusText"), /\S/);
    console.log(`            ${await state(machine, "StatusText")}`);
    const { stdout } = await machine.run("stat", "-c", "%u", `/proc/${await state(machine, "MainPID")}`);
    equal(Number(stdout) >= DYNAMIC_USERS, true, stdout);
  });

  await report.case("`start` comes back when it is ready, and not before", async () => {
    await machine.systemctl("stop", SERVICE);
    await machine.systemctl("start", SERVICE);
    equal((await machine.curl("-w", "%{http_code}", "-o", "/dev/null", "127.0.0.1:9990/admin/ready")).stdout, "200");
  });

  await report.case("`kill -s USR2` opens the access log again", async () => {
    const log = "/var/log/fairlead/access.log";
    const lines = async () => (await machine.run("cat", log)).stdout.split("\n").length - 1;
    await machine.users();
    equal((await machine.run("mv", log, `${log}.1`)).code, 0);
    await machine.systemctl("kill", "--kill-whom=main", "-s", "USR2", SERVICE);
    await until("a new log", async () => (await machine.run("test", "-e", log)).code === 0);
    await machine.users();
    await until("a line", async () => (await lines()) === 1);
  });
}

async function changing({ report }: Stage, machine: Machine): Promise<void> {
  await report.case("`reload` takes a changed file, under load and without an error", async () => {
    const load = machine.load(2);
    await sleep(700);
    machine.configure("users-v2");
    await machine.systemctl("reload", SERVICE);
    await until("the change", async () => (await machine.users()) === "users-v2 hello");
    deepEqual(await load, []);
  });

  for (const [how, more] of [
    ["over kept connections", []],
    ["with a connection for each request", CLOSE],
  ] as const) {
    await report.case(`\`restart\` under load ${how}, without an error`, async () => {
      await machine.systemctl("reset-failed", SERVICE); // starts are counted
      const before = await state(machine, "MainPID");
      const load = machine.load(2, ...more);
      await sleep(400);
      await machine.systemctl("restart", SERVICE);
      deepEqual(await load, []);
      equal((await state(machine, "MainPID")) === before, false);
    });

    await report.case(`POST /admin/restart under load ${how}, without an error; systemd follows`, async () => {
      const before = await state(machine, "MainPID");
      const load = machine.load(2, ...more);
      await sleep(400);
      match((await machine.curl("-X", "POST", "127.0.0.1:9990/admin/restart")).stdout, /^process \d+ serves/);
      deepEqual(await load, []);
      equal((await state(machine, "MainPID")) === before, false);
      deepEqual([await state(machine, "SubState"), await state(machine, "NRestarts")], ["running", "0"]);
    });
  }
}

async function failing({ report }: Stage, machine: Machine): Promise<void> {
  await report.case("starts it anew when it was killed, while connections wait", async () => {
    await machine.systemctl("reset-failed", SERVICE);
    await machine.systemctl("kill", "--kill-whom=main", "-s", "KILL", SERVICE);
    equal(await machine.users(), "users-v2 hello");
    equal(await state(machine, "NRestarts"), "1");
  });

  await report.case("hears from it in time for its watchdog, and starts it anew when it hangs", async () => {
    await machine.edit(`[Service]\nWatchdogSec=${WATCHDOG_S}\n`);
    await machine.systemctl("reset-failed", SERVICE);
    await machine.systemctl("restart", SERVICE);
    const before = await state(machine, "MainPID");
    await sleep(1.5 * WATCHDOG_S * 1000);
    deepEqual([await state(machine, "MainPID"), await state(machine, "NRestarts")], [before, "0"]);
    await machine.systemctl("kill", "--kill-whom=main", "-s", "STOP", SERVICE);
    equal(await machine.users(), "users-v2 hello", "it waited for the new one");
    deepEqual([(await state(machine, "MainPID")) === before, await state(machine, "NRestarts")], [false, "1"]);
  });

  await report.case("a file that cannot be used is found before the start", async () => {
    await machine.systemctl("stop", "fairlead.socket", SERVICE);
    await machine.edit("[Service]\nRestart=no\n");
    machine.write("fairlead.yaml", "fairlead: 1\nroutrs: []\n");
    equal((await machine.run("systemctl", "start", SERVICE)).code, 1);
    deepEqual([await state(machine, "ActiveState"), await state(machine, "Result")], ["failed", "exit-code"]);
    match(machine.log(), /routrs/);
    machine.configure("users-v2");
    await machine.edit("");
    await machine.systemctl("reset-failed", SERVICE, "fairlead.socket");
  });
}

async function stopping({ report }: Stage, machine: Machine): Promise<void> {
  /** Stops the service with a request in progress, and asks how that was. */
  const stop = async () => {
    const waiting = machine.users("/wait?ms=1500");
    await sleep(500);
    const started = performance.now();
    await machine.systemctl("stop", SERVICE);
    const tookMs = performance.now() - started;
    equal(await waiting, "users-v2 waited");
    equal(tookMs < 5000, true, `it took ${tookMs} ms`);
    const said = [await state(machine, "ActiveState"), await state(machine, "Result")];
    deepEqual([...said, await state(machine, "ExecMainStatus")], ["inactive", "success", "0"]);
  };

  await machine.systemctl("start", "fairlead.socket", SERVICE);
  await report.case("`stop` lets a request come to its end", stop);

  await report.case("`stop` after POST /admin/restart does, too, and those of the process before", async () => {
    await machine.systemctl("start", SERVICE);
    const ofTheFirst = machine.users("/wait?ms=3500");
    await sleep(200);
    match((await machine.curl("-X", "POST", "127.0.0.1:9990/admin/restart")).stdout, /^process \d+ serves/);
    await stop();
    equal(await ofTheFirst, "users-v2 waited");
  });

  await report.case("the port is still there, and the next connection starts it again", async () => {
    equal(await machine.users(), "users-v2 hello");
  });
}
