/** Prices of the day that traders look at: its high and low, those of the pre-market, and the close before it. */

import type { Bars } from "./bars";
import { dayOf, sessionOf } from "./sessions";

export interface Extremes {
  highUsd: number | null;
  lowUsd: number | null;
}

export interface Level {
  id: string;
  /** As it stands at the price. */
  title: string;
  about: string;
  usd: number;
}

/** What a row says of them. */
export interface RowLevels {
  dayHighUsd: number | null;
  dayLowUsd: number | null;
  previousCloseUsd: number | null;
  session: string | null;
  sessionHighUsd: number | null;
  sessionLowUsd: number | null;
}

/** The widest bars that do not reach over the open. */
export const MOST_PRE_MS = 15 * 60_000;

/** Extremes of the pre-market of the day of *atMs*; *bars* must not be longer than `MOST_PRE_MS`. */
export function preMarketOf({ startMs, highUsd, lowUsd }: Bars, atMs: number): Extremes {
  const found: Extremes = { highUsd: null, lowUsd: null };
  const day = dayOf(atMs);
  for (let at = startMs.length - 1; at >= 0 && dayOf(startMs[at]) >= day; at--) {
    if (sessionOf(startMs[at]) !== "pre") continue;
    found.highUsd = Math.max(found.highUsd ?? -Infinity, highUsd[at]);
    found.lowUsd = Math.min(found.lowUsd ?? Infinity, lowUsd[at]);
  }
  return found;
}

/** The levels that are known; *pre* are those of the bars so far, which a row of the pre-market itself knows better. */
export function levelsOf(row: RowLevels, pre: Extremes): Level[] {
  const isPre = row.session === "pre";
  const all: [string, string, string, number | null][] = [
    ["day-high", "HOD", "High of the day", row.dayHighUsd],
    ["day-low", "LOD", "Low of the day", row.dayLowUsd],
    ["pre-high", "PMH", "High of the pre-market", isPre ? (row.sessionHighUsd ?? pre.highUsd) : pre.highUsd],
    ["pre-low", "PML", "Low of the pre-market", isPre ? (row.sessionLowUsd ?? pre.lowUsd) : pre.lowUsd],
    ["previous-close", "PDC", "Close of the day before", row.previousCloseUsd],
  ];
  return all.flatMap(([id, title, about, usd]) => (usd === null ? [] : [{ id, title, about, usd }]));
}
