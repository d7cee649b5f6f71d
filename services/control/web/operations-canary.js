// @ts-check
/** The canary: how long it takes, leg by leg, and its last minutes as a line. */

import { age, el, took, worded } from "./operations-elements.js";

/** @typedef {{sent_ms: number, stored_ms: number | null, row_ms: number | null, kv_ms: number | null, socket_ms: number | null}} Journey */
/** @typedef {{state: string, reason: string, every_s: number, journeys: Journey[]}} Canary */

const SHOWN = 120;
const SVG = "http://www.w3.org/2000/svg";
const WORDS = /** @type {Record<string, [string, string]>} */ ({
  well: ["good", "arrives"], missing: ["bad", "does not arrive"], starting: ["none", "on its way"], off: ["none", "off"],
});

/** @param {Canary} canary */
export function canaryParts(canary) {
  const [tone, word] = WORDS[canary.state] ?? ["none", canary.state];
  const head = el("div.row", {}, el(`span.state.${tone}`, {}, word), el("span.soft", {}, ...worded(canary.reason || `one is sent every ${canary.every_s} s; times are since then`)));
  if (!canary.journeys.length) return [head];
  const last = canary.journeys.findLast((each) => each.socket_ms !== null && each.kv_ms !== null) ?? canary.journeys[canary.journeys.length - 1];
  if (!last) return [head];
  const legs = /** @type {[string, number | null][]} */ ([
    ["stored on the tape", last.stored_ms], ["its row made", last.row_ms], ["in KV", last.kv_ms], ["on a socket", last.socket_ms],
  ]);
  return [head, el("ol.legs", {}, ...legs.map(([name, ms]) =>
    el("li", {}, el("div.name", {}, name), el("div.took", {}, took(ms))))), history(canary.journeys), scale(canary)];
}

/** @param {Journey[]} journeys */
function most(journeys) {
  return Math.max(100, ...journeys.map((each) => each.socket_ms ?? 0));
}

/** @param {Canary} canary */
function scale({ journeys, every_s }) {
  const sorted = journeys.flatMap((each) => each.socket_ms ?? []).sort((a, b) => a - b);
  const missed = journeys.slice(0, -2).filter((each) => each.socket_ms === null).length;
  return el("div.scale", {}, el("span", {}, `${age((SHOWN - 1) * every_s)} ago`),
    el("span", {}, `to a socket: median ${took(sorted[sorted.length >> 1])}, worst ${took(sorted[sorted.length - 1])}${missed ? `, ${missed} missed` : ""}`),
    el("span", {}, "now"));
}

/**
 * The way to the socket, oldest to the left; one that did not arrive is a bar.
 * @param {Journey[]} journeys
 */
function history(journeys) {
  const svg = document.createElementNS(SVG, "svg");
  const [width, height, top] = [SHOWN - 1, 60, most(journeys)];
  for (const [name, value] of Object.entries({
    class: "history", viewBox: `0 0 ${width} ${height + 4}`, preserveAspectRatio: "none", role: "img", "aria-label": "Time to a socket of the last canaries",
  })) svg.setAttribute(name, value);
  const start = width + 1 - journeys.length;
  svg.append(path("floor", `M0 ${height + 2} H${width}`));
  let line = "";
  let pen = "M";
  for (const [n, each] of journeys.entries()) {
    if (each.socket_ms === null) {
      if (n < journeys.length - 2) svg.append(path("gap", `M${start + n - 0.4} 2 h0.8 V${height + 2} h-0.8 Z`));
      pen = "M";
      continue;
    }
    line += `${pen}${start + n} ${(height + 2 - (each.socket_ms / top) * height).toFixed(1)} `;
    pen = "L";
  }
  svg.append(path("line", line));
  return svg;
}

/**
 * @param {string} name
 * @param {string} d
 */
function path(name, d) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", name);
  made.setAttribute("d", d);
  return made;
}
