// The script of the overview page, as text.
import { overviewRow } from "./overview-row.ts";

/** @param maxRows of each kind. Names come from requests: they are set as text, never as HTML. */
export function overviewScript(maxRows: number): string {
  return `"use strict";
${overviewRow.toString()}
let before = null;
let beforeMs = 0;
function cell(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return element;
}
function row(name, cells) {
  const element = document.createElement("tr");
  element.append(cell("th", name), ...cells.map((text) => cell("td", text)));
  return element;
}
function show(tree, seconds) {
  for (const body of document.querySelectorAll("tbody[data-router]")) {
    const { router, kind } = body.dataset;
    const now = tree.rt?.[router]?.[kind] ?? {};
    const then = before?.rt?.[router]?.[kind];
    const names = Object.keys(now).slice(0, ${maxRows});
    body.replaceChildren(...names.map((name) => row(name, ${overviewRow.name}(now[name], then?.[name] ?? null, seconds))));
  }
  document.getElementById("uptime").textContent = Math.round((tree.process?.uptime_ms?.gauge ?? 0) / 1000) + " s";
}
async function poll() {
  const live = document.getElementById("live");
  try {
    const answer = await fetch("/admin/metrics.json?tree=1");
    if (!answer.ok) throw new Error("status " + answer.status);
    const tree = await answer.json();
    const nowMs = performance.now();
    show(tree, (nowMs - beforeMs) / 1000);
    before = tree;
    beforeMs = nowMs;
    live.textContent = "· live";
  } catch (error) {
    live.textContent = "· no answer: " + error.message;
  }
  setTimeout(poll, 1000);
}
poll();
`;
}
