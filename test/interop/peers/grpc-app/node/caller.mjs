// The first caller, in Node: `caller.mjs ADDRESS up|users-down|web-down` checks the application through a proxy, and says how each check went.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { setTimeout as sleep } from "node:timers/promises";
import { Web } from "./shop.mjs";

const [, , address, state] = process.argv;
const web = new Web(address, credentials.createInsecure());
const SECOND_USERS = "/svc/users => /svc/users-v2";
const WEB_IN_NODE = "/svc/web => /svc/web-in-node";
const PATIENCE_MS = 5000;

/** Which web is asked, and the dtab that leads there. */
const WEBS = { Python: "", Node: `${WEB_IN_NODE};` };

function metadata(dtab) {
  const given = new Metadata();
  if (dtab !== "") given.set("l5d-dtab", dtab);
  return given;
}

const soon = (ms = PATIENCE_MS) => ({ deadline: Date.now() + ms });

/** One call: the line, or the error, which has code, details and trailers. */
function show(user, dtab = "", options = soon()) {
  return new Promise((resolve) => {
    web.show({ user }, metadata(dtab), options, (error, line) => resolve(error ?? line));
  });
}

/** All lines of a stream, and how it ended; `each` sees them as they come. */
function watch(user, dtab = "", { options = soon(), each = () => undefined } = {}) {
  const lines = [];
  const call = web.watch({ user }, metadata(dtab), options);
  return new Promise((resolve) => {
    call.on("data", (line) => {
      lines.push(line.text);
      each(call, lines.length);
    });
    call.on("error", () => undefined);
    call.on("status", (end) => resolve({ lines, end }));
  });
}

function five(language, version) {
  return [1, 2, 3, 4, 5].map((i) => `web in ${language}: orders of Ada ${i}, says users v${version}`);
}

function isNobody({ code, details, metadata: trailers }) {
  deepEqual([code, details], [status.NOT_FOUND, "there is no such user: ☺ 100 %"]);
  const [rich] = trailers.get("grpc-status-details-bin");
  match(rich.toString(), /there is no such user: ☺ 100 %.*google\.protobuf\.StringValue.*ask for Ada/s);
}

const up = {};
for (const [language, to] of Object.entries(WEBS)) {
  const says = (version) => `web in ${language}: orders of Ada, says users v${version}`;
  Object.assign(up, {
    async [`is answered by web in ${language}, orders and users`]() {
      equal((await show("Ada", to)).text, says(1));
    },
    async [`overrides users behind web in ${language} for its own calls, and not for those at the same time`]() {
      const calls = Array.from({ length: 60 }, (_, i) => show("Ada", i % 3 === 0 ? to + SECOND_USERS : to));
      const answers = (await Promise.all(calls)).map(({ text }) => text);
      deepEqual(answers, Array.from({ length: 60 }, (_, i) => says(i % 3 === 0 ? 2 : 1))); // prettier-ignore
      equal((await show("Ada", to)).text, says(1));
    },
    async [`gets a stream through web in ${language} line by line`]() {
      const times = [];
      const { end, lines } = await watch("Ada", to, { each: () => times.push(performance.now()) });
      deepEqual([lines, end.code], [five(language, 1), status.OK]);
      ok(times[4] - times[0] > 40, `the lines came within ${times[4] - times[0]} ms`);
      deepEqual((await watch("Ada", to + SECOND_USERS)).lines, five(language, 2));
    },
    async [`has its deadline seen by users behind web in ${language}, and none where there is none`]() {
      // Python rounds the time up a little at each tier.
      for (const dtab of [to, to + SECOND_USERS]) {
        for (const ms of [2000, PATIENCE_MS]) {
          const { leftMs } = await show("Ada", dtab, soon(ms));
          ok(leftMs > ms / 2 && leftMs < ms * 1.02, `${leftMs} of ${ms} ms were left`);
        }
      }
      const unhurried = await show("Ada", to, {});
      equal(unhurried.leftMs, 0, unhurried.details);
    },
    async [`gives up behind web in ${language} at its deadline`]() {
      equal((await show(`slow deadline in ${language}`, to, soon(300))).code, status.DEADLINE_EXCEEDED);
    },
    async [`cancels a call behind web in ${language}`]() {
      const call = web.show({ user: `slow call in ${language}` }, metadata(to), soon(), () => undefined);
      await sleep(200);
      call.cancel();
    },
    async [`cancels a stream behind web in ${language}`]() {
      const user = `slow stream in ${language}`;
      const { end } = await watch(user, to, { each: (call, lines) => lines === 3 && call.cancel() });
      equal(end.code, status.CANCELLED);
    },
    async [`gets code, message and details of an error through web in ${language}`]() {
      isNobody(await show("nobody", to));
    },
    async [`gets them after the lines of a stream through web in ${language}`]() {
      const { end, lines } = await watch("Ada, then nobody", to);
      equal(lines.length, 5);
      isNobody(end);
    },
  });
}

/** In the words of the proxy before the tier that is down. */
function isRefused({ code, details }, service) {
  equal(code, status.UNAVAILABLE);
  match(details, /^Unable to establish connection to 127\.0\.0\.1:\d+ \(ECONNREFUSED\); service name: (\S+),/);
  equal(/service name: (\S+),/.exec(details)[1], `/svc/shop.${service}`);
}

const checks = {
  up,
  "users-down": {
    async "is told by two tiers that users cannot be reached"() {
      for (const dtab of Object.values(WEBS)) isRefused(await show("Ada", dtab), "Users");
    },
    async "is told so in a stream"() {
      isRefused((await watch("Ada")).end, "Users");
    },
    async "still reaches their second version"() {
      match((await show("Ada", SECOND_USERS)).text, /users v2$/);
    },
  },
  "web-down": {
    async "is told in trailers why web cannot be reached"() {
      for (const error of [await show("Ada"), (await watch("Ada")).end]) {
        isRefused(error, "Web");
        match(error.metadata.get("fairlead-cause").join(), /^upstream\.connect\.refused;endpoint=127\.0\.0\.1:\d+/);
      }
    },
    async "still reaches the other web"() {
      match((await show("Ada", WEB_IN_NODE + ";" + SECOND_USERS)).text, /^web in Node: .* users v2$/);
    },
  },
}[state];

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`not ok ${name}: ${error.message.replaceAll("\n", " ")}`);
  }
}
console.log(`${Object.keys(checks).length} checks`);
web.close();
