/** The fields of a row (`schemas/leaderboard.py`) as columns and figures: what they are called, and how they are written. */

import type { Cell } from "../wire/protocol";
import { compact, count, percent, plain, price, share, signedPrice, time } from "./format";

type Kind = "price" | "move" | "change" | "percent" | "amount" | "ratio" | "count" | "time" | "word" | "line";

export interface Field {
  name: string;
  title: string;
  about: string;
  kind: Kind;
  text: (value: Cell) => string;
  /** Shown in the colour of its sign. */
  signed: boolean;
  /** Lights up in the colour of its change: few do, or everything would at the open. */
  tinted: boolean;
  /** Of a column, in pixels. */
  width: number;
}

const number = (write: (value: number | null) => string) => (value: Cell) =>
  typeof value === "string" ? value : write(value);

const KINDS: Record<Kind, { text: (value: Cell) => string; signed?: boolean; tinted?: boolean; width: number }> = {
  price: { text: number(price), width: 70 },
  move: { text: number(signedPrice), signed: true, width: 70 },
  change: { text: number(percent), signed: true, width: 76 },
  percent: { text: number(share), width: 70 },
  amount: { text: number(compact), width: 66 },
  ratio: { text: number(plain), width: 62 },
  count: { text: number(count), width: 60 },
  time: { text: number(time), width: 72 },
  line: { text: () => "", width: 84 },
  word: { text: (value) => (value == null ? "–" : String(value)), width: 66 },
};

/** The column that is drawn: the service has no field of that name. */
export const LINE = "sparkline";

const TABLE: [name: string, title: string, kind: Kind, about: string][] = [
  ["last_usd", "Last", "price", "Last price, US dollars"],
  ["change_pct", "Change", "change", "Change since the previous close"],
  ["change_usd", "Change $", "move", "Change since the previous close, US dollars"],
  ["change_open_pct", "From open", "change", "Change since the day's official open"],
  ["change_open_usd", "From open $", "move", "Change since the day's official open, US dollars"],
  ["gap_pct", "Gap", "change", "Gap between the previous close and the open"],
  ["gap_usd", "Gap $", "move", "Gap between the previous close and the open, US dollars"],
  ["change_1m_pct", "1 min", "change", "Change within a minute"],
  ["change_5m_pct", "5 min", "change", "Change within five minutes"],
  ["change_15m_pct", "15 min", "change", "Change within fifteen minutes"],
  ["volume_shares", "Volume", "amount", "Shares traded today, all sessions"],
  ["relative_volume", "Rel. vol.", "ratio", "Volume against what is usual by this time of day"],
  ["volume_ratio", "Of avg.", "ratio", "Volume of the day over that of an average day"],
  ["average_volume_shares", "Avg. vol.", "amount", "Mean volume of up to 30 days before"],
  ["volume_1m_shares", "Vol. 1 min", "amount", "Shares of the last minute"],
  ["volume_5m_shares", "Vol. 5 min", "amount", "Shares of the last five minutes"],
  ["volume_1h_shares", "Vol. 1 h", "amount", "Shares of the last hour"],
  ["dollar_volume_usd", "Dollars", "amount", "Dollars traded today, all sessions"],
  ["volume_1m_usd", "$ 1 min", "amount", "Dollars of the last minute"],
  ["volume_5m_usd", "$ 5 min", "amount", "Dollars of the last five minutes"],
  ["volume_1h_usd", "$ 1 h", "amount", "Dollars of the last hour"],
  ["free_float_shares", "Float", "amount", "Free float, shares"],
  ["float_rotation", "Rotation", "ratio", "Volume of the day over the free float"],
  ["vwap_usd", "VWAP", "price", "Volume-weighted average price of the day"],
  ["session_vwap_usd", "Sess. VWAP", "price", "Volume-weighted average price of the session"],
  ["vwap_distance_pct", "To VWAP", "change", "Last price against the VWAP of the session"],
  ["open_usd", "Open", "price", "Official opening price"],
  ["previous_close_usd", "Prev. close", "price", "Official close of the trading day before"],
  ["previous_open_usd", "Prev. open", "price", "Open of the trading day before"],
  ["previous_high_usd", "Prev. high", "price", "High of the trading day before"],
  ["previous_low_usd", "Prev. low", "price", "Low of the trading day before"],
  ["previous_volume_shares", "Prev. vol.", "amount", "Volume of the trading day before"],
  ["previous_vwap_usd", "Prev. VWAP", "price", "VWAP of the trading day before"],
  ["day_high_usd", "High", "price", "High of the day, all sessions"],
  ["day_low_usd", "Low", "price", "Low of the day, all sessions"],
  ["day_range_pct", "In range", "percent", "Last between the low (0 %) and the high (100 %) of the day"],
  ["session_high_usd", "Sess. high", "price", "High of the session"],
  ["session_low_usd", "Sess. low", "price", "Low of the session"],
  ["session_volume_shares", "Sess. vol.", "amount", "Shares of the session"],
  ["high_distance_pct", "To high", "change", "Last against the high of the day"],
  ["low_distance_pct", "To low", "change", "Last against the low of the day"],
  ["high_days", "High, days", "count", "Trading days since the price was as high"],
  ["low_days", "Low, days", "count", "Trading days since the price was as low"],
  ["atr_usd", "ATR", "price", "Average true range of 14 days"],
  ["atr_multiple", "ATRs", "ratio", "Change since the previous close over the ATR"],
  ["bid_usd", "Bid", "price", "Best bid"],
  ["ask_usd", "Ask", "price", "Best ask"],
  ["bid_shares", "Bid size", "amount", "Shares at the best bid"],
  ["ask_shares", "Ask size", "amount", "Shares at the best ask"],
  ["spread_usd", "Spread $", "price", "Ask over bid, US dollars"],
  ["spread_pct", "Spread", "percent", "Ask over bid, percent of their middle"],
  ["trades", "Trades", "count", "Trades of the day"],
  ["trades_1m", "Tr. 1 min", "count", "Trades of the last minute"],
  ["trades_5m", "Tr. 5 min", "count", "Trades of the last five minutes"],
  ["trades_1h", "Tr. 1 h", "count", "Trades of the last hour"],
  ["trades_per_s_5s", "Tape 5 s", "ratio", "Trades a second in the last 5 s"],
  ["trades_per_s_60s", "Tape 60 s", "ratio", "Trades a second in the last minute"],
  ["tape_15s_shares_per_s", "Net tape", "amount", "Bought less sold shares a second, last 15 s"],
  ["momentum", "Momentum", "ratio", "Trades a second of the last 15 s over those of the last five minutes"],
  ["block_usd", "Block", "amount", "The greatest block of the day, dollars"],
  ["block_ms", "Block at", "time", "When that block was traded"],
  ["session", "Session", "word", "Of the newest event"],
  ["event_ms", "Event", "time", "Time of the newest event, New York"],
  ["halt", "Halt", "word", "limit: at a price band; paused; resumed"],
  ["halt_ms", "Halt since", "time", "Since when"],
  ["news_ms", "News at", "time", "Time of the newest article"],
  [LINE, "Hour", "line", "Last price, over the last hour"],
  ["score", "Score", "ratio", "What this board ranks by"],
];

/** By name, in the order in which they are offered. */
export const FIELDS = new Map<string, Field>(
  TABLE.map(([name, title, kind, about]) => [
    name,
    { name, title, kind, about, signed: false, tinted: name === "last_usd", ...KINDS[kind] },
  ]),
);

/** What the service knows but this page has no words for is written as it comes. */
export function fieldOf(name: string): Field {
  return FIELDS.get(name) ?? { name, title: name, about: name, kind: "ratio", signed: false, tinted: false, ...KINDS.ratio };
}

export type Sign = "up" | "down" | "flat";

export function signOf(value: Cell | undefined): Sign {
  if (typeof value !== "number" || Math.abs(value) < 0.005) return "flat";
  return value > 0 ? "up" : "down";
}
