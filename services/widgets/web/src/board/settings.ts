/** What a person chooses of a board, and the view that follows from it. */

import { whereOf, type Bounds } from "../look/conditions";
import { LINE } from "../look/fields";
import type { View } from "../wire/protocol";

export interface BoardSettings {
  board: string;
  /** null: those of the board itself, what it ranks by first. */
  columns: string[] | null;
  widths: Record<string, number>;
  top: number;
  /** As in a view; null: the board's own order. */
  sort: string | null;
  bounds: Bounds;
  where: string;
  hz: number;
  heat: boolean;
}

export const USUAL_BOARD: BoardSettings = {
  board: "gainers", columns: null, widths: {}, top: 100, sort: null, bounds: {}, where: "", hz: 4, heat: true,
};

const USUAL_COLUMNS = [
  "last_usd", "change_pct", "change_open_pct", "volume_shares", "relative_volume", "free_float_shares", "vwap_usd", "gap_pct",
];
/** What marks and tints are made of. */
const MARKS = ["score", "change_pct", "relative_volume", "halt", "news_ms"];

/** Fields that boards rank by, as far as this page knows; a board with a score of its own shows that number. */
const RANKED: Record<string, string> = {
  blocks: "block_usd", "dollar-volume": "dollar_volume_usd", "dollars-1h": "volume_1h_usd", "dollars-1m": "volume_1m_usd",
  "dollars-5m": "volume_5m_usd", gainers: "change_open_pct", gappers: "change_pct", halts: "halt_ms",
  losers: "change_open_pct", "low-float": "change_pct", momentum: "momentum", "new-highs": "high_days",
  "new-lows": "low_days", "relative-volume": "relative_volume", spreads: "spread_pct", "trades-1h": "trades_1h",
  "trades-1m": "trades_1m", "trades-5m": "trades_5m", "trades-day": "trades", volume: "volume_shares",
  "volume-1h": "volume_1h_shares", "volume-1m": "volume_1m_shares", "volume-5m": "volume_5m_shares",
};

/** The field that a board should rank by; `score` if that is not known. */
export function rankedBy(board: string): string {
  return RANKED[board] ?? "score";
}

/** The columns to show of a board that ranks by *ranked*. */
export function shownColumns(settings: BoardSettings, ranked: string): string[] {
  if (settings.columns) return settings.columns;
  const others = USUAL_COLUMNS.filter((field) => field !== ranked && field !== "last_usd");
  return ["last_usd", ranked, ...others];
}

export function viewOf(settings: BoardSettings): View {
  const shown = shownColumns(settings, rankedBy(settings.board));
  const fields = shown.flatMap((name) => (name === LINE ? ["last_usd"] : name));
  return {
    columns: [...new Set([...fields, ...MARKS])],
    top: settings.top,
    sort: settings.sort,
    where: whereOf(settings.bounds, settings.where) || null,
    hz: settings.hz,
  };
}

/** The name of a board in words. */
export function titleOf(board: string): string {
  const words = board.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Greatest first, then smallest first, then as the board has it. */
export function nextSort(sort: string | null, column: string): string | null {
  return sort === column ? `+${column}` : sort === `+${column}` ? null : column;
}

/** *columns* with *name* so many places further right. */
export function movedColumn(columns: readonly string[], name: string, by: number): string[] {
  const others = columns.filter((each) => each !== name);
  others.splice(Math.max(0, columns.indexOf(name) + by), 0, name);
  return others;
}
