// `node tools/node.cjs SCRIPT …` runs a tool on the pinned Node, whatever Node npm itself runs on. Plain ES2020.
"use strict";

const path = require("node:path");
const { pinnedNode, runOn } = require("../bin/pinned-node.cjs");

const pinned = pinnedNode();
const modern = Number.parseInt(process.versions.node, 10) >= 24;
const node = pinned === undefined && modern ? process.execPath : pinned;

if (node === undefined) refuse("there is none for this machine among the dependencies");
else {
  // What a tool or test starts as plain `node` is the same one.
  const PATH = [path.dirname(node), process.env.PATH].join(path.delimiter);
  runOn(node, process.argv.slice(2), { ...process.env, PATH }, refuse);
}

function refuse(reason) {
  process.stderr.write(`The tools run on the pinned Node 26, and ${reason}: run \`npm ci\`, or install Node 26.\n`);
  process.exit(1);
}
