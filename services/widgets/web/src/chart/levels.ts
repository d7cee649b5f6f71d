/** Prices of the day that traders look at: its high and low, those of the pre-market, and the close before it. */

import type { Bars } from "./bars";
import { dayOf, sessionOf } from "./sessions";

export interface Extremes {
  highUsd: number | null;
  lowUsd: number | null;
}

/** Titles: high and low of the day and of the pre-market, and the close of the day before. */
export interface Level {
  id: string;
  title: string;
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
  const all: [id: string, title: string, usd: number | null][] = [
    ["day-high", "HOD", row.dayHighUsd],
    ["day-low", "LOD", row.dayLowUsd],
    ["pre-high", "PMH", isPre ? (row.sessionHighUsd ?? pre.highUsd) : pre.highUsd],
    ["pre-low", "PML", isPre ? (row.sessionLowUsd ?? pre.lowUsd) : pre.lowUsd],
    ["previous-close", "PDC", row.previousCloseUsd],
  ];
  const known = all.flatMap(([id, title, usd]) => (usd === null ? [] : [{ id, title, usd }]));
  // Of lines at one price, the first has the names of all.
  return known.flatMap((level, n) => (known.findIndex(({ usd }) => usd === level.usd) < n ? [] : [{
    ...level, title: known.filter(({ usd }) => usd === level.usd).map(({ title }) => title).join(" "),
  }]));
}
