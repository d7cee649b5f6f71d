/** Bars in columns, the intervals that there are, and the vendor's history of them. */

import { answerOf } from "../widgets/answers";
import { epochMs, wallMs } from "./sessions";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** The first Sunday since 1970. */
const SUNDAY_MS = 3 * DAY_MS;

/** Oldest first; all columns are of one length. */
export interface Bars {
  startMs: number[];
  openUsd: number[];
  highUsd: number[];
  lowUsd: number[];
  closeUsd: number[];
  volumeShares: number[];
  /** NaN: unknown. */
  vwapUsd: number[];
}

export interface Interval {
  name: string;
  title: string;
  ms: number;
  /** Looks back so many days by itself. */
  days: number;
  /** What else a person may choose. */
  choices: number[];
}

const interval = (name: string, title: string, ms: number, days: number, choices: number[]): Interval =>
  ({ name, title, ms, days, choices });

export const INTERVALS = [
  interval("1s", "1 second", 1000, 1, [1, 2]),
  interval("1m", "1 minute", MINUTE_MS, 5, [1, 2, 5, 10, 30]),
  interval("5m", "5 minutes", 5 * MINUTE_MS, 10, [1, 5, 10, 30, 90]),
  interval("15m", "15 minutes", 15 * MINUTE_MS, 30, [5, 10, 30, 90, 180]),
  interval("1h", "1 hour", HOUR_MS, 90, [10, 30, 90, 180, 365]),
  interval("4h", "4 hours", 4 * HOUR_MS, 180, [30, 90, 180, 365, 730]),
  interval("1d", "1 day", DAY_MS, 730, [90, 180, 365, 730, 1825]),
  interval("1w", "1 week", WEEK_MS, 1825, [365, 730, 1825, 3650]),
];

export function intervalOf(name: unknown): Interval {
  return INTERVALS.find((each) => each.name === name) ?? INTERVALS[1];
}

/** Whether bars of *interval* are parts of a day. */
export function isIntraday({ ms }: Interval): boolean {
  return ms < DAY_MS;
}

/** When the bar begins that holds *atMs*: on New York's clocks, so that a day is a day when they change. */
export function startOf({ ms }: Interval, atMs: number): number {
  if (ms <= HOUR_MS) return atMs - (atMs % ms);
  const wall = wallMs(atMs);
  const since = ms === WEEK_MS ? SUNDAY_MS : 0;
  return epochMs(wall - ((wall - since) % ms));
}

/** When the bar ends that begins at *startMs*. */
function endOf({ ms }: Interval, startMs: number): number {
  return ms <= HOUR_MS ? startMs + ms : epochMs(wallMs(startMs) + ms);
}

/** How long until the bar is over that holds *nowMs*. */
export function leftMs(interval: Interval, nowMs: number): number {
  return endOf(interval, startOf(interval, nowMs)) - nowMs;
}

export function noBars(): Bars {
  return { startMs: [], openUsd: [], highUsd: [], lowUsd: [], closeUsd: [], volumeShares: [], vwapUsd: [] };
}

/** What the vendor has. */
export interface History {
  bars: Bars;
  /** Until when it was known. */
  asofMs: number;
  /** Whether older bars were left out. */
  isCut: boolean;
}

/** The answer of `/v1/bars/{symbol}`. */
interface Told {
  asof_ms: number;
  is_cut: boolean;
  start_ms: number[];
  open_usd: number[];
  high_usd: number[];
  low_usd: number[];
  close_usd: number[];
  volume_shares: number[];
  vwap_usd: (number | null)[];
}

export interface Question {
  symbol: string;
  interval: Interval;
  days: number;
  limit: number;
}

/**
 * The bars that the vendor has of a symbol.
 *
 * @returns rejected with `NoAnswer`, or with the `AbortError` of *signal*
 */
export async function fetchHistory({ symbol, interval, days, limit }: Question, signal: AbortSignal): Promise<History> {
  const query = new URLSearchParams({ interval: interval.name, days: String(days), limit: String(limit) });
  const answer = await answerOf(`v1/bars/${encodeURIComponent(symbol)}?${query}`, signal);
  return historyOf(await answer.json() as Told);
}

export function historyOf(told: Told): History {
  return {
    asofMs: told.asof_ms,
    isCut: told.is_cut,
    bars: {
      startMs: told.start_ms, openUsd: told.open_usd, highUsd: told.high_usd, lowUsd: told.low_usd,
      closeUsd: told.close_usd, volumeShares: told.volume_shares, vwapUsd: told.vwap_usd.map((vwap) => vwap ?? NaN),
    },
  };
}
