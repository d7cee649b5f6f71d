/** The page: the desk below a head that says where the data comes from, how old it is, and what time it is. */

import { Desk } from "./desk/desk";
import { MeshFrame } from "./desk/frame";
import { Grid } from "./desk/grid";
import { moveByKeys } from "./desk/keyboard";
import { store } from "./desk/store";
import { countdown, day, newYorkTime, session } from "./look/format";
import { sessionAt } from "./look/sessions";
import { appearance } from "./look/settings";
import { pageCondition } from "./share/condition";
import { client } from "./share/connection";
import { tapeClock } from "./share/tape";
import { offerSignIn } from "./wire/page-token";

/** Ages are written so often, with an update where there is one. */
const TICK_MS = 250;
const KEEP_AFTER_MS = 5_000;
const BANNERS: Record<string, string> = {
  simulated: "Simulated data — not the market",
  tape: "Recorded tape — not live",
};
const SAID = {
  good: "Live", warn: "Connected, but no updates", bad: "Disconnected, reconnecting", idle: "Waiting for data",
};

const part = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;

const written = new Map<string, string>();

function write(id: string, text: string): void {
  if (written.get(id) === text) return;
  written.set(id, text);
  part(id).textContent = text;
}

function showSource(): void {
  const source = client.hello?.source ?? "";
  const banner = part("banner");
  banner.hidden = !(source in BANNERS);
  banner.dataset.source = source;
  write("banner", BANNERS[source] ?? "");
}

let marketShown = "";

/** The newest event on the tape, over all tables; what is written each second is computed as often. */
function showMarket(): void {
  const heads = client.tables().map((state) => state.head!);
  if (!heads.length) return;
  const newest = heads.reduce((a, b) => (b.asof_ms > a.asof_ms ? b : a));
  const nowMs = tapeClock.now() ?? newest.asof_ms;
  const seconds = [newest.asof_ms, nowMs].map((ms) => Math.floor(ms / 1000)).join();
  if (seconds === marketShown) return;
  marketShown = seconds;
  write("market", `${newYorkTime(newest.asof_ms)} · ${session(newest.session)} · ${day(newest.trading_day)}`);
  const { next, leftMs } = sessionAt(nowMs);
  write("next", `${session(next)} in ${countdown(leftMs)}`);
}

/** Green only for data that is fresh; never for a connection without any. */
function showStatus(): void {
  const { tone, text } = pageCondition(client);
  write("status-text", text);
  if (part("status").dataset.tone !== tone) part("status").dataset.tone = document.body.dataset.tone = tone;
  if (client.phase === "refused") offerSignIn(false);
  const said = client.phase === "refused" ? text : SAID[tone];
  if (part("announcer").dataset.tone === said) return;
  part("announcer").dataset.tone = said; // said once: what else is announced there is not said over
  part("announcer").textContent = said;
}

let isDue = false;
let shownAtMs = 0;

/** With whatever else the next frame changes: one frame costs less than two. */
function showSoon(): void {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    shownAtMs = performance.now();
    showMarket();
    showStatus();
  });
}

function tick(): void {
  if (performance.now() - shownAtMs >= TICK_MS) showStatus();
}

/** One widget alone in a window of its own. */
function showAlone(id: string): void {
  const show = () => {
    const placed = store.desk.layouts.flatMap((layout) => layout.widgets).find((each) => each.id === id);
    const frame = document.querySelector<MeshFrame>("mesh-frame") ?? new MeshFrame();
    frame.locked = true;
    if (!placed) return part("desk").replaceChildren("This widget is on no layout any more.");
    frame.placed = placed;
    if (!frame.isConnected) part("desk").replaceChildren(frame);
    document.title = `${frame.name} — tickmesh`;
  };
  document.body.classList.add("alone");
  store.addEventListener("change", show);
  show();
}

function showDesk(): void {
  const grid = new Grid(part("desk"));
  const desk = new Desk(grid, {
    tools: part("tools"), dialog: part<HTMLDialogElement>("dialog"), announcer: part("announcer"), toast: part("toast"), conflict: part("conflict"),
  });
  moveByKeys(part("desk"), grid, (text) => desk.say(text));
}

appearance.apply();
client.addEventListener("feeds", showSource);
client.addEventListener("status", showSource);
client.addEventListener("update", showSoon);
client.addEventListener("status", showStatus);
setInterval(tick, TICK_MS);
client.connect();
/** So that it can be loaded while the service is away; not now, when there is more to do. */
if (navigator.serviceWorker) setTimeout(() => navigator.serviceWorker.register("sw.js").catch(() => {}), KEEP_AFTER_MS);
const alone = new URLSearchParams(location.search).get("widget");
if (alone) showAlone(alone);
else showDesk();
