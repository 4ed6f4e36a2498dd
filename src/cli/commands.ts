// All commands. `--help` is printed from this table, and so is every complaint about arguments.
import type { Command } from "./command.ts";

const json = { doc: "Prints JSON." };
const expandEnv = { doc: "Replaces ${NAME} by environment variables even if the file does not ask for it." };

/** In the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  {
    name: "run",
    doc: "Runs the proxy of a configuration until it is told to stop.",
    details:
      "SIGTERM, SIGINT or POST /admin/shutdown stop it: no new connections, what is in progress may finish within\n" +
      "admin.shutdownGraceMs. A second signal ends it at once; the same one within half a second counts as one.\n" +
      "Without CONFIG it is a forward proxy on 127.0.0.1:4140 that looks up the Host of each request in DNS.",
    operands: [{ name: "CONFIG", doc: "YAML or JSON file; - reads standard input.", optional: true }],
    options: {
      "expand-env": expandEnv,
      "log-level": { value: "LEVEL", doc: "TRACE, DEBUG, INFO (the default), WARN, ERROR or OFF." },
    },
    examples: [
      { line: "fairlead run linkerd.yaml", says: "serves what the file says" },
      { line: "fairlead run & http_proxy=http://127.0.0.1:4140 curl http://example.com/", says: "the forward proxy" },
      { line: "envsubst < linkerd.yaml | fairlead run -", says: "reads the configuration from another program" },
    ],
    load: async () => (await import("./commands/run.ts")).run,
  },
  {
    name: "init",
    doc: "Writes a commented configuration to begin with.",
    details: "Its first line tells editors where to find what may be written. A file that exists is left alone.",
    operands: [{ name: "FILE", doc: "fairlead.yaml unless another is named; - prints.", optional: true }],
    options: {},
    examples: [{ line: "fairlead init", says: "writes fairlead.yaml" }],
    load: async () => (await import("./commands/init.ts")).init,
  },
  {
    name: "check",
    doc: "Says everything that is wrong with a configuration, without running it.",
    details:
      "Exits with 0 when the configuration can be used (there may be warnings), with 1 when not.\n" +
      "Plug-ins that the file names are loaded.",
    operands: [{ name: "CONFIG", doc: "YAML or JSON file; - reads standard input." }],
    options: {
      expand: { doc: "Prints what it stands for: services written out as namers and rules, variables filled in." },
      linkerd: { doc: "Prints all that is different with a file of Linkerd 1.x; exits with 1 if it must be changed." },
      "expand-env": expandEnv,
      json,
      docs: { doc: "Prints what the file's plug-ins add: kinds, keys and metrics, as Markdown." },
      schema: { doc: "Prints a JSON Schema that knows the file's plug-ins, for editors." },
    },
    examples: [
      { line: "fairlead check linkerd.yaml", says: "lists problems as file:line:column" },
      { line: "fairlead check --expand fairlead.yaml", says: "prints the same configuration without shorthands" },
      { line: "fairlead check --linkerd linkerd.yaml", says: "lists what to change, and what will be different" },
      { line: "fairlead check --json linkerd.yaml | jq '.problems[].message'", says: "the same for programs" },
    ],
    load: async () => (await import("./commands/check.ts")).check,
  },
  {
    name: "dtab explain",
    doc: "Shows how a name is resolved: every step, and the dtab entry that made it.",
    details:
      "The rules come from one of --dtab, --config and --admin. Lines with > are the way a request goes.\n" +
      "Exits with 0 when the name leads somewhere, with 1 when not.",
    operands: [{ name: "PATH", doc: "The name, such as /svc/users." }],
    options: {
      dtab: { value: "TEXT", doc: "These rules, with the built-in namers only." },
      config: { value: "FILE", doc: "The rules and namers of a configuration; - reads standard input." },
      admin: { value: "HOST:PORT", doc: "The rules and namers of a running proxy, by its admin server." },
      router: { value: "LABEL", doc: "Which router, where there are several." },
      override: { value: "TEXT", doc: "Rules that come after and win, as an l5d-dtab header brings them." },
      "expand-env": { doc: "With --config, replaces ${NAME} by environment variables." },
      json,
    },
    examples: [
      { line: "fairlead dtab explain --dtab '/svc => /$/inet/127.1/8080' /svc/users", says: "tries a rule" },
      { line: "fairlead dtab explain --config linkerd.yaml /svc/users", says: "asks a configuration" },
      { line: "fairlead dtab explain --admin 127.0.0.1:9990 --router http /svc/users", says: "asks a running proxy" },
    ],
    load: async () => (await import("./commands/dtab-explain.ts")).dtabExplain,
  },
  {
    name: "explain",
    doc: "Says what a failure cause means and what to do about it.",
    operands: [{ name: "TOKEN", doc: "A cause, or the whole value of a fairlead-cause header.", optional: true }],
    options: { all: { doc: "Lists all causes." }, json },
    examples: [
      { line: "fairlead explain upstream.connect.refused", says: "meaning, status, retries, remedy" },
      {
        line: "fairlead explain 'upstream.connect.refused;endpoint=10.0.0.1:80'",
        says: "takes the header as it was received",
      },
      { line: "fairlead explain --all", says: "the whole catalogue" },
    ],
    load: async () => (await import("./commands/explain.ts")).explain,
  },
  {
    name: "demo",
    doc: "Starts a few small services and a proxy beside them, and says what to try.",
    operands: [],
    options: {
      port: { value: "PORT", doc: "Where the proxy listens; 4140 by default." },
      "admin-port": { value: "PORT", doc: "Where its admin server listens; 9990 by default." },
      part: { value: "NAME", doc: "Runs one process of the demo.", hidden: true },
      config: { value: "FILE", doc: "The configuration for the process that is the proxy.", hidden: true },
    },
    examples: [
      { line: "fairlead demo", says: "runs until Ctrl-C" },
      { line: "fairlead demo --port 5140 --admin-port 5990", says: "on other ports" },
    ],
    load: async () => (await import("./commands/demo.ts")).demo,
  },
];
