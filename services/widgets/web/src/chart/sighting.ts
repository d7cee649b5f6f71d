/** What a row of the stream says of the newest trading. */

import type { Cell } from "../wire/protocol";

/** What a candle needs of a row (`schemas/leaderboard.py`). */
export const ROW_FIELDS = [
  "trading_day", "event_ms", "last_usd", "open_usd", "volume_shares", "day_high_usd", "day_low_usd",
  "bar_start_ms", "bar_end_ms", "bar_open_usd", "bar_high_usd", "bar_low_usd", "bar_close_usd", "bar_volume_shares", "bar_vwap_usd",
] as const;

/** A row as it was seen. */
export type Sighting = Record<(typeof ROW_FIELDS)[number], Cell>;

/** The newest second bar of a row, with what it added to the volume of the day. */
export interface Second {
  startMs: number;
  endMs: number;
  openUsd: number;
  highUsd: number;
  lowUsd: number;
  closeUsd: number;
  volumeShares: number;
  vwapUsd: number;
}

export function secondOf(row: Sighting): Second | null {
  const startMs = numberOf(row.bar_start_ms);
  if (Number.isNaN(startMs)) return null;
  return {
    startMs,
    endMs: numberOf(row.bar_end_ms),
    openUsd: numberOf(row.bar_open_usd),
    highUsd: numberOf(row.bar_high_usd),
    lowUsd: numberOf(row.bar_low_usd),
    closeUsd: numberOf(row.bar_close_usd),
    volumeShares: numberOf(row.bar_volume_shares) || 0,
    vwapUsd: numberOf(row.bar_vwap_usd),
  };
}

/** NaN: it is unknown. */
export function numberOf(cell: Cell): number {
  return typeof cell === "number" ? cell : NaN;
}
