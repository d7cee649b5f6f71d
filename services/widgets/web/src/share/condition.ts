/** How well a widget is served, in a word and a sentence: never good without data that is fresh. */

import { duration, time } from "../look/format";
import type { Subscription } from "../wire/channel";
import type { Client } from "../wire/client";

export type Tone = "good" | "warn" | "bad" | "idle";

export interface Condition {
  tone: Tone;
  word: "live" | "simulated" | "recorded" | "lag" | "stale" | "empty" | "loading" | "connecting" | "reconnecting" | "refused" | "error";
  text: string;
}

/** Data that is older is not live any more. */
export const STALE_MS = 5_000;

const FRESH = { simulated: "simulated", tape: "recorded" } as const;

/** Of the whole page. */
export function pageCondition(client: Client): Condition {
  const away = connectionCondition(client);
  if (away) return away;
  const ageMs = client.ageMs();
  if (ageMs === null) return { tone: "idle", word: "loading", text: "connected — no data yet" };
  if (ageMs >= STALE_MS) return { tone: "warn", word: "stale", text: `no update for ${duration(ageMs)}` };
  return { tone: "good", word: fresh(client), text: `${duration(ageMs)} behind the tape` };
}

/** Of the subscription of one widget. *isQuiet*: nothing may happen for a long time, as in a list of halts. */
export function widgetCondition(client: Client, subscription: Subscription | null, isQuiet: boolean): Condition {
  const away = connectionCondition(client);
  const old = subscription?.table;
  if (old?.isRecalled && client.phase !== "refused") {
    const waiting = client.phase === "waiting" || client.phase === "stale" ? away?.text : "waiting for fresh data";
    return { tone: "warn", word: "stale", text: `from ${time(old.head!.asof_ms)} — ${waiting}` };
  }
  if (away) return away;
  if (!subscription) return { tone: "idle", word: "empty", text: "nothing chosen" };
  if (subscription.error) return { tone: "bad", word: "error", text: subscription.error.message };
  if (!subscription.state) return { tone: "idle", word: "loading", text: "waiting for the first data" };
  if (subscription.lagHz !== null) {
    return { tone: "warn", word: "lag", text: `this browser is slow: ${subscription.lagHz} updates a second` };
  }
  const ageMs = subscription.table && !isQuiet ? client.ageOf(subscription.table.receivedMs) : client.ageMs();
  if (ageMs !== null && ageMs >= STALE_MS) return { tone: "warn", word: "stale", text: `no update for ${duration(ageMs)}` };
  return { tone: "good", word: fresh(client), text: ageMs === null ? "connected" : `${duration(ageMs)} behind the tape` };
}

/** Of the connection, where it has none to give. */
function connectionCondition(client: Client): Condition | null {
  if (client.phase === "refused") return { tone: "bad", word: "refused", text: `refused — ${client.reason}` };
  if (client.phase === "waiting") {
    const seconds = Math.max(1, Math.ceil((client.retryAtMs - Date.now()) / 1000));
    return { tone: "bad", word: "reconnecting", text: `disconnected — reconnecting in ${seconds} s` };
  }
  if (client.phase === "connecting") {
    return client.hello
      ? { tone: "bad", word: "reconnecting", text: "disconnected — reconnecting" }
      : { tone: "idle", word: "connecting", text: "connecting" };
  }
  if (client.phase === "stale") {
    return { tone: "warn", word: "stale", text: "connected — the service has lost its source" };
  }
  return null;
}

function fresh(client: Client): Condition["word"] {
  return FRESH[client.hello?.source as keyof typeof FRESH] ?? "live";
}
