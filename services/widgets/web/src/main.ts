import { day, duration, newYorkTime, session } from "./look/format";
import { client } from "./wire/mesh-client";
import "./board/mesh-board";

const STALE_MS = 5_000;
const TICK_MS = 100;
const BANNERS: Record<string, string> = {
  simulated: "Simulated data — not the market",
  tape: "Recorded tape — not live",
};

const part = (id: string) => document.getElementById(id)!;

/** One element for each board, in the server's order; elements that stay are not touched. */
function showBoards() {
  const boards = part("boards");
  const feeds = client.feeds.filter((feed) => /^board\/[^*>]+$/.test(feed));
  for (const board of boards.querySelectorAll("mesh-board")) {
    if (!feeds.includes(board.getAttribute("feed")!)) board.remove();
  }
  feeds.forEach((feed, n) => {
    const here = boards.querySelectorAll("mesh-board")[n];
    if (here?.getAttribute("feed") === feed) return;
    const board = document.createElement("mesh-board");
    board.setAttribute("feed", feed);
    boards.insertBefore(board, here ?? null);
  });
  const waiting = part("waiting");
  waiting.hidden = feeds.length > 0;
  waiting.textContent = "Waiting for the first leaderboard…";
}

function showSource() {
  const source = client.hello?.source ?? "";
  const banner = part("banner");
  banner.hidden = !(source in BANNERS);
  banner.dataset.source = source;
  banner.textContent = BANNERS[source] ?? "";
}

/** The newest event on the tape, over all boards. */
function showMarket() {
  const heads = client.tables().map((state) => state.head!);
  if (!heads.length) return;
  const newest = heads.reduce((a, b) => (b.asof_ms > a.asof_ms ? b : a));
  const text = `${newYorkTime(newest.asof_ms)} · ${session(newest.session)} · ${day(newest.trading_day)}`;
  if (part("market").textContent !== text) part("market").textContent = text;
}

/** Green only for data that is fresh; never for a connection without any. */
function status(): [Tone, string] {
  if (client.phase === "refused") return ["bad", `refused — ${client.reason}`];
  if (client.phase === "waiting") {
    const seconds = Math.max(1, Math.ceil((client.retryAtMs - Date.now()) / 1000));
    return ["bad", `disconnected — reconnecting in ${seconds} s`];
  }
  if (client.phase === "connecting") {
    return client.hello ? ["bad", "disconnected — reconnecting"] : ["idle", "connecting"];
  }
  if (client.phase === "stale") return ["warn", "connected — the service has lost its source"];
  const age = client.ageMs();
  if (age === null) return ["idle", "connected — no data yet"];
  if (age >= STALE_MS) return ["warn", `no update for ${duration(age)}`];
  return ["good", `updated ${duration(age)} ago`];
}

type Tone = "good" | "warn" | "bad" | "idle";

const SAID: Record<Tone, string> = {
  good: "Live", warn: "Connected, but no updates", bad: "Disconnected, reconnecting", idle: "Waiting for data",
};

function showStatus() {
  const [tone, text] = status();
  const chip = part("status");
  if (part("status-text").textContent !== text) part("status-text").textContent = text;
  if (client.phase === "refused" && !client.hello) part("waiting").textContent = text;
  if (chip.dataset.tone !== tone) chip.dataset.tone = document.body.dataset.tone = tone;
  const said = client.phase === "refused" ? text : SAID[tone];
  if (part("announcer").textContent !== said) part("announcer").textContent = said;
}

client.addEventListener("feeds", () => {
  showSource();
  showBoards();
});
client.addEventListener("update", showMarket);
client.addEventListener("status", showStatus);
setInterval(showStatus, TICK_MS);
client.connect();
