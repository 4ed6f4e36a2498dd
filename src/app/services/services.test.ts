// Services in short are exactly what they are written out to be.
import fc from "fast-check";
import { expect, test } from "vitest";
import * as yaml from "yaml";
import { told } from "../../../test/support/config.ts";
import { fuzzing, fuzzLimitMs } from "../../../test/support/long.ts";
import { type LinkerConfig, loadConfig } from "../config.ts";
import { policiesOf } from "../settings.ts";
import { expandedJson, expandedYaml } from "./text.ts";

async function loaded(text: string, environment: Record<string, string> = {}) {
  return loadConfig(text, { file: "f.yaml", environment });
}

async function configOf(text: string, environment: Record<string, string> = {}): Promise<LinkerConfig> {
  const { config, problems } = await loaded(text, environment);
  expect(told(problems)).toEqual([]);
  return config ?? expect.fail("no configuration");
}

async function expanded(text: string, environment: Record<string, string> = {}): Promise<string> {
  const { tree, config } = await loaded(text, environment);
  return tree === null || config === null ? expect.fail("no configuration") : expandedYaml(tree, "f.yaml");
}

/** All that decides how it runs. */
function running({ document: _, ...rest }: LinkerConfig): Omit<LinkerConfig, "document"> {
  return rest;
}

const SHORT = "fairlead: 1\nservices:\n  users: 127.0.0.1:9001\n  orders: [10.0.0.5:9002, 10.0.0.6:9002 * 0.5]\n";

test("four lines are a whole configuration", async () => {
  const { namers, routers } = await configOf(SHORT);
  expect(routers).toMatchObject([
    {
      protocol: "http",
      label: "http",
      identifier: [{ kind: "fairlead.host" }],
      servers: [{ ip: "127.0.0.1", port: 4140, http2: true }],
    },
  ]);
  expect(namers).toMatchObject([
    {
      kind: "fairlead.static",
      names: { users: { to: ["127.0.0.1:9001"] }, orders: { to: ["10.0.0.5:9002", "10.0.0.6:9002 * 0.5"] } },
    },
  ]);
});

test("they are printed as namers and rules, each with where it comes from", async () => {
  expect(await expanded(`${SHORT}  carts: {file: disco/carts, protocol: h2, timeoutMs: 500}\n  "*": dns\n`)).toBe(
    `# What f.yaml stands for, with its services written out and its variables filled in.

fairlead: 1
namers:
  # from services
  - kind: fairlead.static
    prefix: /services
    names:
      users: 127.0.0.1:9001
      orders: [10.0.0.5:9002, 10.0.0.6:9002 * 0.5]
  # from services
  - kind: fairlead.files
    prefix: /services
    names:
      carts: disco/carts
# from services
routers:
  - protocol: http
    servers:
      - port: 4140
    # from services
    identifier:
      kind: fairlead.host
    dtab: |
      /svc => /$/io.buoyant.rinet/80;    # services."*"
      /svc => /$/inet;                   # services."*"
      /svc/users => /#/services/users;   # services.users
      /svc/orders => /#/services/orders; # services.orders
      /svc/carts => /#/services/carts;   # services.carts
    service:
      kind: io.l5d.static
      configs:
        # from services
        - prefix: /svc/carts
          totalTimeoutMs: 500
    client:
      kind: io.l5d.static
      configs:
        # from services
        - prefix: /#/services/carts
          protocol: h2
`,
  );
});

test("every router gets the rules; its own come after them, and so win", async () => {
  const { routers } = await configOf(`${SHORT}routers:
- protocol: http
  dtab: /svc/users => /$/inet/127.1/1
  servers: [{port: 4150}]
- protocol: h2
  dstPrefix: /grpc
  identifier: {kind: io.l5d.header.path, segments: 1}
  servers: [{}]
`);
  expect(routers.map(({ dtab }) => dtab.replaceAll(/ *# .*$/gm, ""))).toEqual([
    "/svc/users => /#/services/users;\n/svc/orders => /#/services/orders;\n\n/svc/users => /$/inet/127.1/1",
    "/grpc/users => /#/services/users;\n/grpc/orders => /#/services/orders;\n",
  ]);
  expect(routers.map(({ identifier }) => identifier[0]?.kind)).toEqual(["fairlead.host", "io.l5d.header.path"]);
});

test("timeouts and retries are the policy of a name: after that of all names, before that of some", async () => {
  const policies = `services:
  users: {to: 127.0.0.1:1, timeoutMs: 100, retries: {maxRetries: 2}}
  orders: {to: 127.0.0.1:2, timeoutMs: 200}
  carts: 127.0.0.1:3
  "*": {to: 127.0.0.1:4, retries: {of: all}}
`;
  const of = async (service: string, name: string) => {
    const { routers } = await configOf(
      `fairlead: 1\n${policies}routers: [{protocol: http, servers: [{}], service: ${service}}]`,
    );
    const [router = expect.fail("no router")] = routers;
    const { totalTimeoutMs, classifier, retries } = policiesOf(router).service(name);
    return [totalTimeoutMs, classifier.kind, retries.maxRetries];
  };
  const [reads, all] = ["io.l5d.http.retryableRead5XX", "io.l5d.http.retryableAll5XX"];
  expect(await of("{totalTimeoutMs: 9}", "/svc/users")).toEqual([100, reads, 2]);
  expect(await of("{totalTimeoutMs: 9}", "/svc/users/8080")).toEqual([100, reads, 2]);
  expect(await of("{totalTimeoutMs: 9}", "/svc/carts")).toEqual([9, all, undefined]);
  expect(await of("{totalTimeoutMs: 9}", "/svc/whatever")).toEqual([9, all, undefined]);
  const own = "{kind: io.l5d.static, configs: [{prefix: /svc/orders, totalTimeoutMs: 7}]}";
  expect(await of(own, "/svc/orders")).toEqual([7, all, undefined]);
  expect(await of(own, "/svc/users")).toEqual([100, reads, 2]);
});

test("a name that stands for any other does not collide with a service called so", async () => {
  const text = await expanded('fairlead: 1\nservices: {"*": 10.0.0.1:80, others: 10.0.0.2:80}');
  expect(text).toContain("/svc => /#/services/others_;");
  expect(text).toContain("/svc/others => /#/services/others;");
});

test("a name is a name, whatever else it means in JavaScript or YAML", async () => {
  const names = ["__proto__", "constructor", "null", "true", "1", "0x10"];
  const text = `fairlead: 1\nservices:\n${names.map((name, i) => `  "${name}": 10.0.0.1:${i + 1}\n`).join("")}`;
  const { namers } = await configOf(text);
  const [first] = namers;
  expect(first?.kind === "fairlead.static" ? Object.keys(first.names).sort() : null).toEqual(names.toSorted());
  expect(running(await configOf(await expanded(text)))).toEqual(running(await configOf(text)));
});

test("variables are filled in, and a dollar sign that is left means itself", async () => {
  const file = [
    "fairlead: 1",
    "expandEnv: true",
    "admin: {port: '${ADMIN}'}",
    "services: {users: '${HOST}:80'}",
    "routers: [{protocol: http, label: '$${x}${ADMIN}', originator: '${YES}', servers: [{port: '${PORT:-1}'}]}]",
  ].join("\n");
  const environment = { ADMIN: "9991", HOST: "users.internal", YES: "true" };
  const text = await expanded(file, environment);
  expect(yaml.parse(text)).toMatchObject({
    admin: { port: 9991 },
    namers: [{ names: { users: "users.internal:80" } }],
    routers: [{ label: "${x}9991", originator: true, servers: [{ port: 1 }] }],
  });
  expect(running(await configOf(text))).toEqual(running(await configOf(file, environment)));
});

test("a file without services is printed as it is", async () => {
  const file = "routers:\n- protocol: http\n  dtab: |\n    /svc => /a;\n    /a => /$/inet/127.1/1;\n  servers: [{}]\n";
  expect(yaml.parse(await expanded(file))).toEqual(yaml.parse(file));
});

test.for([
  ["users: 127.0.0.1", "3:10 services.users: 127.0.0.1 has no port; write 127.0.0.1:8080, or port: beside to:"],
  ["users: 9001", "3:10 services.users: expected an address, got the number 9001; write 127.0.0.1:9001"],
  ["users:", "3:9 services.users: expected an address, got nothing; write something like 127.0.0.1:8080"],
  [
    "users: http://10.0.0.1:80",
    "3:15 services.users: not well-formed as an address: this is a URL; write host and port alone; write something like 127.0.0.1:8080",
  ],
  [
    "users: [10.0.0.1:80, 10.0.0.2:80, 10.0.0.1:80]",
    "3:37 services.users[2]: 10.0.0.1:80 is listed twice; remove one; for more of the traffic write a weight",
  ],
  [
    "users: {to: [10.0.0.1, 10.0.0.1:80], port: 80}",
    "3:26 services.users.to[1]: 10.0.0.1:80 is listed twice; remove one; for more of the traffic write a weight",
  ],
  ["users: {to: a:1, file: b}", "3:26 services.users.file: there is to: as well; keep one of to: and file:"],
  [
    "users: {timeoutMs: 5}",
    '3:11 services.users: neither "to" nor "file" is there; add to: with one or several addresses, or file:',
  ],
  [
    "users: {file: b, port: 1}",
    "3:26 services.users.port: has no meaning here; remove it; it is for addresses in to: that have none",
  ],
  ["users: {to: a:1, timeout: 5}", '3:20 services.users.timeout: unknown key "timeout"; did you mean "timeoutMs"?'],
  [
    "users: {to: a:1, timeoutMs: 5s}",
    '3:31 services.users.timeoutMs: expected a whole number of milliseconds from 1 to 2147483647, got the text "5s"; write 5000',
  ],
  [
    "users: {to: a:1, retries: {of: everything}}",
    '3:34 services.users.retries.of: unknown word "everything"; write one of reads, idempotent, all',
  ],
  [
    "users: dns",
    '3:10 services.users: dns stands for any host and belongs to "*"; write an address, such as users.internal:8080',
  ],
  [
    "users:80: a:1",
    '3:3 services["users:80"]: "users:80" has a port: requests for any port of a host are for its service; write a host name such as users or users.example.com, or "*" for every other one',
  ],
  [
    '"*.example.com": a:1',
    '3:3 services.*.example.com: "*.example.com" cannot be part of a name; write a host name such as users or users.example.com, or "*" for every other one',
  ],
] as const)("%s is refused at its place", async ([entry, problem]) => {
  const { config, problems } = await loaded(`fairlead: 1\nservices:\n  ${entry}\n`);
  expect(config).toBeNull();
  expect(told(problems)).toEqual([problem]);
});

test.for([
  [
    "fairlead: 1\nservices: {}",
    '2:11 services: an empty map; write at least one entry, such as "users: 127.0.0.1:8080"',
  ],
  [
    "fairlead: 1\nservices: [a:1]",
    '2:11 services: expected a map of names and values, got a list; write its entries indented below, such as "users: 127.0.0.1:8080"',
  ],
  [
    "services: {users: a:1}",
    "1:12 services: is understood in files with fairlead: 1 alone; begin the file with fairlead: 1; a file of Linkerd 1.x says the same with namers, and a dtab in its routers",
  ],
  [
    "fairlead: 1\nservices:\n  users: a:1\n  Users: a:2",
    '4:10 services.Users: "Users" is the same host as "users"; keep one of them: hosts do not differ by case',
  ],
  [
    "fairlead: 1\nservices:\n  users: a:1\n  users: a:2",
    '4:3 services.users: "users" is given twice, first in line 3; keep one of them',
  ],
  [
    "fairlead: 1\nadmin: {port: 4140}\nservices: {users: a:1}",
    "3:1 routers[0].servers[0].port: 127.0.0.1:4140 is already taken by admin; choose another port",
  ],
  [
    "fairlead: 1\nservices: {users: a:1}\nrouters: [{protocol: http, servers: [{port: x}]}]",
    '3:45 routers[0].servers[0].port: expected a whole number from 0 to 65535, got the text "x"; write a number such as 4140',
  ],
  ["fairlead: 1", '1:1 routers: "routers" is missing; add routers: what this process does, or add services:'],
] as const)("%s is refused at its place", async ([text, problem]) => {
  const { config, problems } = await loaded(text);
  expect(config).toBeNull();
  expect(told(problems)).toEqual([problem]);
});

const anyName = fc.stringMatching(/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,8}[a-zA-Z0-9_])?$/);
const anyPort = fc.integer({ min: 1, max: 65_535 });
const anyHost = fc.oneof(fc.ipV4(), fc.constantFrom("users.internal", "localhost", "[::1]"));
const anyWeight = fc.option(
  fc.integer({ min: 0, max: 100 }).map((n) => n / 10),
  { nil: undefined },
);
const anyAddress = fc
  .tuple(anyHost, anyPort, anyWeight)
  .map(([host, port, weight]) => `${host}:${port}${weight === undefined ? "" : ` * ${weight}`}`);
const anyAddresses = fc.uniqueArray(anyAddress, { minLength: 1, maxLength: 4, selector: (text) => text.split(" ")[0] });
const anyRetries = fc.record(
  {
    of: fc.constantFrom("reads", "idempotent", "all"),
    maxRetries: fc.nat(5),
    perTryTimeoutMs: fc.integer({ min: 1, max: 1000 }),
    budget: fc.record({ percentCanRetry: fc.constantFrom(0.1, 0.5) }, { requiredKeys: [] }),
    backoff: fc.constantFrom({ kind: "constant", ms: 5 }, { kind: "jittered", minMs: 1, maxMs: 9 }),
  },
  { requiredKeys: [] },
);
const anyPolicy = fc.record(
  { timeoutMs: fc.integer({ min: 1, max: 10_000 }), retries: anyRetries, protocol: fc.constantFrom("h2", "http/1.1") },
  { requiredKeys: [] },
);
const anyTarget = fc.oneof(
  anyAddresses.map((to) => ({ to })),
  fc.tuple(fc.ipV4(), anyPort).map(([to, port]) => ({ to, port })),
  fc.constantFrom("disco/users", "/srv/a b", "it's: odd").map((file) => ({ file })),
);
const anyService = fc.oneof(
  anyAddress,
  anyAddresses,
  fc.tuple(anyTarget, anyPolicy).map(([target, policy]) => ({ ...target, ...policy })),
);
const anyOther = fc.option(fc.oneof(fc.constant("dns"), fc.constant({ to: "dns", timeoutMs: 5 }), anyService), {
  nil: undefined,
});
const anyRouters = fc.option(
  fc.uniqueArray(
    fc.record(
      {
        protocol: fc.constantFrom("http", "h2"),
        servers: fc.constant([{ port: 0 }]),
        dtab: fc.constantFrom("/svc/a => /$/inet/127.1/80", "/a => /b; # no more", "\n"),
        dstPrefix: fc.constantFrom("/", "/a/b"),
        service: fc.constantFrom(
          {},
          { totalTimeoutMs: 3 },
          { kind: "io.l5d.static", configs: [{ prefix: "/svc", totalTimeoutMs: 4 }] },
        ),
        client: fc.constantFrom({ failFast: true }, { kind: "io.l5d.static", configs: [] }),
        identifier: fc.constantFrom({ kind: "io.l5d.header.token" }, [{ kind: "fairlead.host" }]),
      },
      { requiredKeys: ["protocol", "servers"] },
    ),
    { minLength: 1, maxLength: 2, selector: ({ protocol }) => protocol },
  ),
  { nil: undefined },
);

const anyFile = fc
  .record({
    named: fc.uniqueArray(fc.tuple(anyName, anyService), {
      minLength: 1,
      maxLength: 5,
      selector: ([name]) => name.toLowerCase(),
    }),
    other: anyOther,
    routers: anyRouters,
  })
  .map(({ named, other, routers }) => ({
    fairlead: 1,
    services: { ...Object.fromEntries(named), ...(other === undefined ? {} : { "*": other }) },
    ...(routers === undefined ? {} : { routers }),
  }));

test(
  "whatever the services: what they are written out to runs the same, and is written out to itself",
  { timeout: fuzzLimitMs },
  async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, async (file) => {
        const config = await configOf(JSON.stringify(file));
        const { tree } = await loaded(JSON.stringify(file));
        const text = await expanded(JSON.stringify(file));
        expect(running(await configOf(text))).toEqual(running(config));
        expect(yaml.parse(await expanded(text))).toEqual(yaml.parse(text));
        expect(yaml.parse(text)).toEqual(tree === null ? null : expandedJson(tree));
        expect(yaml.parse(text)).not.toHaveProperty("services");
      }),
      fuzzing(150),
    );
  },
);
