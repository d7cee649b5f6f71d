// @ts-check
/** Each part of the page, made of what the control plane has found. */

import { age, count, el, size, table } from "./operations-elements.js";

/** @typedef {{name: string, instance: string, version: string, host: string, pid: string, image: string, started_ms: number, ready: boolean, reasons: Record<string, string>, facts: Record<string, any>, state: Record<string, any>, counters: Record<string, any>, silent_s: number}} Program */
/** @typedef {{partition: number, owner: string, is_alive: boolean, owned_s: number | null, checkpoint_age_s: number | null, checkpoint_kb: number, refused: string, lag_batches: number | null, lag_events: number | null, folded: number, late: number, discarded: number}} Partition */
/** @typedef {{members: string[], active: Record<string, string>, partitions: Partition[], counts: [Record<string, number>, Record<string, number>, Record<string, number>]}} Partitions */
/** @typedef {{name: string, messages: number, bytes: number, max_bytes: number, last_sequence: number, last_age_s: number | null, per_s: number | null, consumers: number, leader: string}} Stream */
/** @typedef {{stream: string, name: string, pending: number, unacknowledged: number, redelivered: number}} Consumer */
/** @typedef {{at_ms: number, took_ms: number, source: string, broker: string, broker_away_s: number, programs: Program[], partitions: Partitions | null, partitions_problem: string, streams: Stream[], consumers: Consumer[], market: {trading_day: string, session: string, asof_ms: number} | null, canary: import("./operations-canary.js").Canary, clients: number | null, discarded_lately: number, wanted: Record<string, {revision: number, value: Record<string, any>}>, problems: string[]}} Survey */
/** @typedef {{at_ms: number, who: string, action: string, target: string, outcome: string, address: string}} AuditRecord */

const NEEDED = ["listener", "reference", "processors", "boards", "widgets", "control"];
const FEEDS = /** @type {[string, string, string][]} */ ([["massive", "listener", "Massive"], ["finlight", "news", "Finlight"]]);
const TAPE = ["TAPE_TRADES", "TAPE_QUOTES", "TAPE_BARS", "TAPE_MINUTES", "TAPE_HALTS", "TAPE_NEWS"];
const BEHIND_EVENTS = 20_000;

/**
 * @param {Survey} survey
 * @param {boolean} mayOperate
 */
export function feedParts(survey, mayOperate) {
  const now = survey.market;
  const market = now
    ? el("div.row", {}, el("span", {}, `Trading day ${now.trading_day}, ${now.session}`), el("span.soft", {}, `as of ${clock(now.asof_ms)} New York`))
    : el("p.empty", {}, "No board yet: the market begins with the first event.");
  const feeds = FEEDS.map(([name, program, said]) => feedRow(survey, name, program, said, mayOperate));
  const ages = survey.streams.filter((each) => TAPE.includes(each.name)).map((each) =>
    [each.name.slice(5).toLowerCase(), `${count(each.per_s)}/s`, ageCell(each)]);
  return [...feeds, market, ages.length ? table("Newest batch of each class", ["class", ">batches", ">newest"], ages) : null];
}

/** @param {Stream} stream */
function ageCell(stream) {
  return stream.last_age_s === null ? el("span.faint", {}, "never") : el("span", {}, `${age(stream.last_age_s)} ago`);
}

/**
 * @param {Survey} survey
 * @param {string} name
 * @param {string} program
 * @param {string} said
 * @param {boolean} mayOperate
 */
function feedRow(survey, name, program, said, mayOperate) {
  const holders = survey.programs.filter((each) => each.name === program && !each.silent_s);
  const holder = holders.find((each) => each.state["role"] !== "standby") ?? holders[0];
  const feed = holder?.state["feed"] ?? holder?.state ?? {};
  const wish = survey.wanted[`feed.${name}`];
  const stopped = wish?.value["running"] === false;
  const [tone, word] = !holder ? ["bad", `no ${program} answers`]
    : stopped ? ["warn", `stopped by ${wish?.value["by"] ?? "somebody"} at ${when(wish?.value["at_ms"] ?? 0)}`]
    : feed["connected"] === false ? ["warn", `not connected ${feed["lost"] ?? ""}`]
    : holder.ready ? ["good", "follows"] : ["warn", Object.values(holder.reasons).join("; ") || "not ready"];
  const age_ms = feed["last_frame_ms"] ? survey.at_ms - feed["last_frame_ms"] : null;
  const where = [feed["host"], age_ms === null ? null : `last frame ${age(Math.max(0, age_ms) / 1000)} ago`].filter(Boolean).join(" · ");
  const button = (/** @type {string} */ act, /** @type {string} */ label, /** @type {boolean} */ off) =>
    el("button", { type: "button", "data-act": act, "data-feed": name, "data-revision": wish?.revision ?? 0, "aria-label": `${label} ${said}`, disabled: off || !holder }, label);
  return el("div.row.feed", {}, el("span", {}, el(`span.state.${tone}`, {}, `${said} ${word}`), " ", el("span.soft", {}, where)),
    mayOperate ? el("span.buttons", {}, button("stop", "Stop", stopped), button("start", "Start", !stopped), button("restart", "Restart", false)) : null);
}

/** @param {Survey} survey */
export function clientParts(survey) {
  const services = survey.programs.filter((each) => each.name === "widgets");
  if (survey.clients === null) return [el("p.empty", {}, services.length ? "The widget services do not say." : "No widget service answers.")];
  return [el("div.big", {}, count(survey.clients)), el("p.soft", {}, survey.clients === 1 ? "client is connected" : "clients are connected"),
    ...services.map((each) => el("div.row", {}, el("span", {}, count(each.state["clients"])), el("span.soft.long", {}, each.instance)))];
}

/**
 * @param {Survey} survey
 * @param {number} nowMs by the clock of the control plane
 */
export function programParts(survey, nowMs) {
  const rows = survey.programs.map((each) => [
    programState(each), el("strong", {}, each.name), el("span.soft", { title: each.instance }, each.instance),
    each.version, each.started_ms && !each.silent_s ? age((nowMs - each.started_ms) / 1000) : "–", el("span.soft.long", { title: saidOf(each) }, saidOf(each)),
  ]);
  const missing = NEEDED.filter((name) => !survey.programs.some((each) => each.name === name)).map((name) =>
    [el("span.state.bad", {}, "missing"), el("strong", {}, name), "–", "–", "–", el("span.soft", {}, `mesh run ${name}`)]);
  if (!rows.length && missing.length === NEEDED.length) {
    return [el("p.empty", {}, "No program answers. ", el("code", {}, "mesh up"), " starts all of them.")];
  }
  return [table("Programs", ["state", "program", "instance", "version", "up", "says"], [...rows, ...missing])];
}

/** @param {Program} program */
function programState(program) {
  if (program.silent_s) return el("span.state.bad", {}, `silent for ${age(program.silent_s)}`);
  return program.ready ? el("span.state.good", {}, "ready") : el("span.state.warn", {}, "not ready");
}

/** @param {Program} program */
function saidOf(program) {
  const reasons = Object.entries(program.reasons).map(([name, reason]) => `${name} ${reason}`);
  if (reasons.length) return reasons.join("; ");
  return Object.entries({ ...flat(program.facts), ...flat(program.state) }).map(([name, value]) => `${name} ${value}`).join(" · ");
}

/** @param {Record<string, any>} told what of it fits in a line; of a list, how long it is, and not what is as usual */
function flat(told) {
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, Array.isArray(value) ? value.length : value])
    .filter(([, value]) => value !== false && ["string", "number", "boolean"].includes(typeof value)));
}

/** @param {Survey} survey */
export function partitionParts(survey) {
  const report = survey.partitions;
  if (!report) return [el("p.empty.wrap", {}, survey.partitions_problem)];
  const owners = [...new Set(report.partitions.map((each) => each.owner).filter(Boolean))].sort();
  const strip = el("ol.strip", { "aria-label": "Owners of partitions" }, ...report.partitions.map((each) => cell(each, owners)));
  const legend = el("ul.owners", {}, ...owners.map((owner, n) => el(`li.owner-${n % 6}`, {}, owner,
    el("span.soft", {}, ` ${report.partitions.filter((each) => each.owner === owner).length}`))));
  const active = Object.entries(report.active).map(([group, name]) => `${group}: ${name}`).join(" · ");
  const rows = report.partitions.map((each) => [two(each.partition), each.owner || el("span.bad", {}, "nobody"), age(each.owned_s),
    age(each.checkpoint_age_s), `${count(each.checkpoint_kb)} KB`, count(each.lag_events), count(each.late), discards(each.discarded)]);
  return [strip, legend, active ? el("p.soft", {}, `active ${active}`) : null,
    el("details", {}, el("summary", {}, "Each partition"),
      table("Partitions", ["no.", "owner", ">owned", ">checkpoint", ">size", ">lag, events", ">late", ">discarded"], rows))];
}

/**
 * @param {Partition} partition
 * @param {string[]} owners
 */
function cell(partition, owners) {
  const lost = !partition.is_alive;
  const lags = (partition.lag_events ?? 0) > BEHIND_EVENTS;
  const said = lost ? (partition.owner ? `its owner ${partition.owner} does not answer` : "nobody owns it")
    : `owner ${partition.owner}, ${count(partition.lag_events)} events after its checkpoint`;
  const classes = lost ? ".lost" : `.owner-${owners.indexOf(partition.owner) % 6}${lags ? ".lags" : ""}`;
  return el(`li${classes}`, { title: said }, lost ? `✖ ${two(partition.partition)}` : two(partition.partition));
}

/** @param {Survey} survey */
export function eventParts(survey) {
  const counts = survey.partitions?.counts;
  if (!counts) return [el("p.empty", {}, "Nothing was counted yet.")];
  const [folded, late, discarded] = counts;
  const names = Object.keys(folded).sort((a, b) => (folded[b] ?? 0) - (folded[a] ?? 0));
  const listener = survey.programs.find((each) => each.name === "listener" && !each.silent_s)?.counters;
  const rows = names.map((name) => [name, count(folded[name]), count(late[name] ?? 0), discards(discarded[name] ?? 0),
    count(listener?.["published"]?.[name]), discards(listener && (listener["discarded"]?.[name] ?? 0))]);
  const rejected = listener?.["rejected"];
  return [table("Events by class", ["class", ">folded", ">late", ">discarded", ">sent by listener", ">discarded there"], rows),
    rejected === undefined ? null : el("p.soft", {}, `${count(rejected)} malformed events were rejected at the listener`)];
}

/** @param {number | undefined} events */
function discards(events) {
  return events === undefined ? el("span.faint", {}, "–") : events ? el("span.bad", {}, count(events)) : el("span.faint", {}, "0");
}

/** @param {Survey} survey */
export function streamParts(survey) {
  const parts = /** @type {(HTMLElement | null)[]} */ ([]);
  if (!survey.streams.length) return [el("p.empty", {}, "The broker has no streams yet: ", el("code", {}, "mesh topology apply"), " creates them.")];
  const [buckets, streams] = [survey.streams.filter(isBucket), survey.streams.filter((each) => !isBucket(each))];
  parts.push(table("Streams", ["stream", ">messages", ">size", ">full", ">a second", ">newest", ">readers", ">behind"], streams.map((each) => row(each, survey.consumers))));
  if (survey.consumers.length) {
    parts.push(table("Readers that the broker remembers", ["reader", "of", ">not given yet", ">not acknowledged", ">given again"],
      survey.consumers.map((each) => [each.name, el("span.soft", {}, each.stream), count(each.pending), count(each.unacknowledged), count(each.redelivered)])));
  }
  parts.push(el("details", {}, el("summary", {}, `${buckets.length} buckets`),
    table("Buckets", ["bucket", ">keys", ">size", ">full", ">a second", ">newest", ">readers"], buckets.map((each) => row(each, []).slice(0, 7)))));
  return parts;
}

/** @param {Stream} stream */
const isBucket = (stream) => stream.name.startsWith("KV_");

/**
 * @param {Stream} stream
 * @param {Consumer[]} consumers
 */
function row(stream, consumers) {
  const share = stream.max_bytes > 0 ? stream.bytes / stream.max_bytes : null;
  const full = share === null ? "–" : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
  const behind = consumers.filter((each) => each.stream === stream.name).map((each) => each.pending);
  return [stream.name.replace(/^KV_/, ""), count(stream.messages), size(stream.bytes),
    share !== null && share > 0.9 ? el("span.warn", {}, full) : full, stream.per_s === null ? "–" : count(stream.per_s),
    ageCell(stream), count(stream.consumers), behind.length ? count(Math.max(...behind)) : el("span.faint", {}, "–")];
}

/** @param {AuditRecord[]} records */
export function auditParts(records) {
  if (!records.length) return [el("p.empty", {}, "Nobody has changed anything yet.")];
  return [table("Newest records", ["when", "who", "what", "on", "outcome", "from"], records.map((each) => [
    el("span.soft", {}, when(each.at_ms)), each.who || el("span.soft", {}, "the program"), each.action, each.target,
    each.outcome === "done" ? each.outcome : el("span.warn.wrap", {}, each.outcome), el("span.soft", {}, each.address)]))];
}

/** @param {number} n */
const two = (n) => String(n).padStart(2, "0");

/** @param {number} ms */
function when(ms) {
  return new Date(ms).toLocaleString("sv-SE").slice(5);
}

/** @param {number} ms */
function clock(ms) {
  return new Date(ms).toLocaleTimeString("en-GB", { timeZone: "America/New_York" });
}

