/** Kinds of alerts (`schemas/alert.py`) as a trader reads them. */

import { duration, price, time } from "../look/format";

export interface Alert {
  id: string;
  kind: string;
  symbol: string;
  trading_day: string;
  session: string;
  event_ms: number;
  price_usd: number | null;
  level_usd: number | null;
  breaches: { session: string; level_usd: number }[];
  days_since: number | null;
  move_pct: number | null;
  size_shares: number | null;
  until_ms: number | null;
  /** Of an article. */
  headline?: string | null;
  row: Record<string, number | string | null>;
}

export interface AlertKind {
  title: string;
  tone: "up" | "down" | "warn" | "";
  mark: string;
}

export const ALERT_KINDS: Record<string, AlertKind> = {
  high: { title: "New high", tone: "up", mark: "▲" },
  low: { title: "New low", tone: "down", mark: "▼" },
  "running-up": { title: "Running up", tone: "up", mark: "⇈" },
  "running-down": { title: "Running down", tone: "down", mark: "⇊" },
  "volume-spike": { title: "Volume", tone: "", mark: "◧" },
  block: { title: "Block", tone: "", mark: "■" },
  "near-band": { title: "Near band", tone: "warn", mark: "≈" },
  limit: { title: "At band", tone: "warn", mark: "!" },
  halt: { title: "Halted", tone: "warn", mark: "⏸" },
  resume: { title: "Resumed", tone: "", mark: "▶" },
  news: { title: "News", tone: "", mark: "✉" },
};

const SESSIONS: Record<string, string> = { pre: "pre-market", regular: "the session", post: "after hours", "previous day": "the previous day" };

/** Why it fired, in words. */
export function why(alert: Alert): string {
  const parts = alert.headline ? [alert.headline] : [];
  if (alert.level_usd !== null) parts.push(`passed ${price(alert.level_usd)}`);
  for (const { session, level_usd } of alert.breaches.slice(0, 2)) {
    parts.push(`${alert.kind === "low" ? "low" : "high"} of ${SESSIONS[session] ?? session} ${price(level_usd)}`);
  }
  if (alert.days_since) parts.push(`${alert.days_since} days' ${alert.kind === "low" ? "low" : "high"}`);
  if (alert.move_pct !== null) parts.push(`${alert.move_pct > 0 ? "+" : "−"}${Math.abs(alert.move_pct).toFixed(1)}% within a minute`);
  if (alert.size_shares !== null) parts.push(`${Math.round(alert.size_shares).toLocaleString("en-US")} shares`);
  if (alert.until_ms !== null) parts.push(`until ${time(alert.until_ms)} (${duration(alert.until_ms - alert.event_ms)})`);
  return parts.join(", ");
}

export interface Grouped {
  newest: Alert;
  /** How often it fired, of one kind and symbol, one after the other. */
  times: number;
}

/** Newest first, with what one symbol did again and again as one. *alerts* are oldest first. */
export function grouped(alerts: readonly Alert[], most: number): Grouped[] {
  const found = new Map<string, Grouped>();
  for (const alert of alerts) {
    const key = `${alert.kind} ${alert.symbol}`;
    const times = (found.get(key)?.times ?? 0) + 1;
    found.delete(key); // so that it is last again
    found.set(key, { newest: alert, times });
  }
  return [...found.values()].reverse().slice(0, most);
}
