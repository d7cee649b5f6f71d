// @ts-check
/** The operations page: asks once a second, shows what it is told, and says how old that is. */

import { canaryParts } from "./operations-canary.js";
import { age, el, show, worded } from "./operations-elements.js";
import { auditParts, clientParts, eventParts, feedParts, partitionParts, programParts, streamParts } from "./operations-parts.js";

const EVERY_MS = 1000;
const ANSWER_MS = 5000;
const STALE_MS = 4000;
const AUDIT_MS = 5000;
const DONE_MS = 8000;

const WARNINGS = /** @type {Record<string, [string, string]>} */ ({
  stop: ["Stop the feed?", "No new data reaches anybody until somebody starts it again. It stays stopped over restarts."],
  restart: ["Restart the feed?", "It is disconnected for a moment, and what the vendor sends meanwhile is missed."],
});

/** @type {{user: string, role: string, csrf: string} | null} */
let me = null;
/** @type {import("./operations-parts.js").Survey | null} */
let survey = null;
let answeredMs = 0;
let openedMs = Date.now();
let aheadMs = 0;
let trouble = "";
let auditDueMs = 0;

/** @param {string} id @returns {HTMLElement} */
function place(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** @param {string} id */
const body = (id) => /** @type {HTMLElement} */ (place(id).querySelector(".body"));

/**
 * @param {string} path
 * @param {RequestInit} [more]
 */
const ask = (path, more) => fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS), ...more });

async function look() {
  try {
    if (!me) await signIn();
    const answer = await ask("/v1/operations");
    if (answer.status === 401) me = null;
    if (!answer.ok) throw new Error(await why(answer));
    survey = await answer.json();
    answeredMs = Date.now();
    aheadMs = (survey?.at_ms ?? answeredMs) - answeredMs;
    trouble = "";
    if (survey) showSurvey(survey);
    showAge();
    await lookAtAudit();
  } catch (error) {
    trouble = error instanceof DOMException || error instanceof TypeError ? "" : String(error instanceof Error ? error.message : error);
  }
  showAge();
}

async function signIn() {
  const answer = await ask("/v1/me");
  if (!answer.ok) throw new Error(await why(answer));
  me = await answer.json();
  place("who").textContent = me ? `${me.user} · ${me.role}` : "";
  place("audit").hidden = me?.role !== "admin";
}

async function lookAtAudit() {
  if (me?.role !== "admin" || Date.now() < auditDueMs) return;
  auditDueMs = Date.now() + AUDIT_MS;
  const answer = await ask("/v1/audit?most=12");
  if (answer.ok) show(body("audit"), ...auditParts((await answer.json()).records));
}

/** @param {Response} answer */
async function why(answer) {
  try {
    return (await answer.json()).message;
  } catch {
    return `${answer.status} ${answer.statusText}`;
  }
}

/** @param {import("./operations-parts.js").Survey} found */
function showSurvey(found) {
  const mayOperate = me?.role === "operator" || me?.role === "admin";
  show(body("feeds"), ...feedParts(found, mayOperate));
  show(body("canary"), ...canaryParts(found.canary));
  show(body("clients"), ...clientParts(found));
  show(body("programs"), ...programParts(found, found.at_ms));
  show(body("partitions"), ...partitionParts(found));
  show(body("events"), ...eventParts(found));
  show(body("streams"), ...streamParts(found));
  const problems = place("problems");
  problems.hidden = !found.problems.length;
  show(problems, ...found.problems.map((each) => el("li", {}, ...worded(each))));
  const source = place("source");
  source.hidden = found.source === "live";
  source.textContent = found.source === "tape" ? "recording" : found.source;
  place("main").removeAttribute("aria-busy");
}

/** How old everything is, and whether it can be believed. */
function showAge() {
  const quietMs = Date.now() - (answeredMs || openedMs);
  const isStale = quietMs > STALE_MS;
  const stale = place("stale");
  const isOut = !me && trouble;
  const seconds = age(quietMs / 1000);
  set(stale, isOut ? "" : trouble ? `The control plane refuses: ${trouble}`
    : isStale ? `The control plane does not answer since ${seconds}. ${answeredMs ? "Everything below is as it was then." : "It is asked again each second."}` : "");
  stale.hidden = !stale.textContent;
  document.body.toggleAttribute("data-stale", Boolean(survey) && (isStale || !survey?.broker || Boolean(trouble)));
  const verdict = place("verdict");
  const [tone, said] = isOut ? ["bad", "Nobody is signed in"] : !survey ? ["none", "Looking at the mesh …"]
    : isStale || trouble ? ["none", "Not known"] : !survey.problems.length ? ["good", "All is well"]
    : ["bad", survey.problems.length === 1 ? "One thing needs somebody" : `${survey.problems.length} things need somebody`];
  verdict.dataset["tone"] = tone;
  if (isOut) show(verdict, document.createTextNode(`${said}. `), el("a", { href: "/sign-in?next=/operations" }, "Sign in"));
  else show(verdict, document.createTextNode(said));
  if (!survey) return;
  const seen = (Date.now() + aheadMs - survey.at_ms) / 1000;
  set(place("asof"), survey.broker ? `as of ${age(Math.max(0, seen))} ago · nats-server ${survey.broker}` : `as of ${age(Math.max(0, seen))} ago · the broker is away`);
}

/**
 * A text that is read aloud is changed only if it is another.
 * @param {HTMLElement} element
 * @param {string} text
 */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {string} act
 * @param {string} feed
 * @param {string} revision of what is wanted of it, as it was shown
 */
async function change(act, feed, revision) {
  const warning = WARNINGS[act];
  if (warning && !(await confirmed(warning, act))) return;
  const headers = { "content-type": "application/json", "x-csrf-token": me?.csrf ?? "", "idempotency-key": crypto.randomUUID(), "if-match": revision };
  try {
    const answer = await ask(`/v1/runtime/feeds/${feed}/${act}`, { method: "POST", headers });
    say(answer.ok ? `${feed}: ${act} is wanted; the program follows within a second.` : `${feed}: ${await why(answer)}`);
  } catch {
    say(`${feed}: the control plane did not answer, so it is not known whether ${act} was taken. Look at the audit.`);
  }
  auditDueMs = 0;
  void look();
}

/**
 * @param {[string, string]} warning
 * @param {string} act
 * @returns {Promise<boolean>}
 */
function confirmed([what, consequence], act) {
  const dialog = /** @type {HTMLDialogElement} */ (place("confirm"));
  set(place("confirm-what"), what);
  set(place("confirm-why"), consequence);
  set(place("confirm-yes"), act === "stop" ? "Stop it" : "Restart it");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

let doneTimer = 0;
/** @param {string} text */
function say(text) {
  set(place("done"), text);
  clearTimeout(doneTimer);
  doneTimer = setTimeout(() => set(place("done"), ""), DONE_MS);
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-act]") : null;
  if (button instanceof HTMLElement) void change(button.dataset["act"] ?? "", button.dataset["feed"] ?? "", button.dataset["revision"] ?? "");
});

const theme = place("theme");
/** @param {string} wanted */
function dress(wanted) {
  document.documentElement.dataset["theme"] = wanted;
  theme.textContent = wanted === "light" ? "Dark" : "Light";
}
theme.addEventListener("click", () => {
  const wanted = document.documentElement.dataset["theme"] === "light" ? "dark" : "light";
  localStorage.setItem("mesh-operations-theme", wanted);
  dress(wanted);
});
dress(localStorage.getItem("mesh-operations-theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));

async function run() {
  for (;;) {
    if (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    await look();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}
setInterval(showAge, EVERY_MS);
void run();
