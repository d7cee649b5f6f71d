/** The kinds of widgets. They come with the page: apart they would be as many files, and more of them in all. */

import "../widgets/all";

export interface Kind {
  tag: string;
  w: number;
  h: number;
}

export const KINDS: Record<string, Kind> = {
  board: { tag: "mesh-board", w: 8, h: 13 },
  alerts: { tag: "mesh-alerts", w: 8, h: 13 },
  quote: { tag: "mesh-quote", w: 5, h: 13 },
  chart: { tag: "mesh-chart", w: 9, h: 13 },
  tape: { tag: "mesh-tape", w: 4, h: 13 },
  halts: { tag: "mesh-halts", w: 5, h: 9 },
  news: { tag: "mesh-news", w: 9, h: 11 },
  company: { tag: "mesh-company", w: 6, h: 13 },
  short: { tag: "mesh-short", w: 6, h: 13 },
  filings: { tag: "mesh-filings", w: 6, h: 11 },
  splits: { tag: "mesh-splits", w: 5, h: 9 },
  clock: { tag: "mesh-clock", w: 4, h: 5 },
};

export interface Offer {
  title: string;
  about: string;
  kind: string;
  settings: Record<string, unknown>;
  w?: number;
  h?: number;
}

/** What the menu for a new widget offers. */
export const OFFERS: Offer[] = [
  { title: "Top gainers", about: "By change from the official open", kind: "board", settings: { board: "gainers" } },
  { title: "Top gappers", about: "By change from the previous close", kind: "board", settings: { board: "gappers" } },
  { title: "Top volume", about: "By shares of the day", kind: "board", settings: { board: "volume" } },
  { title: "Top trades", about: "By trades in the last minute", kind: "board", settings: { board: "trades-1m" } },
  { title: "Any leaderboard", about: "Relative volume, momentum, low float, blocks …", kind: "board", settings: { board: "relative-volume" } },
  { title: "Alert feed", about: "Highs and lows, runs, volume, blocks, halts, as they happen", kind: "alerts", settings: {} },
  { title: "Range alerts", about: "New highs and lows of the session alone", kind: "alerts", settings: { kinds: ["high", "low"] } },
  { title: "Quote", about: "All figures of a symbol, and its company, short sales, filings, splits", kind: "quote", settings: {} },
  { title: "Mini quote", about: "Price and change of a symbol", kind: "quote", settings: { size: "mini" }, w: 5, h: 5 },
  { title: "Candlestick chart", about: "History and the candle that forms now", kind: "chart", settings: {} },
  { title: "Time and sales", about: "Every trade of a symbol", kind: "tape", settings: {} },
  { title: "Halts", about: "Paused, at a band, resumed, with the time left", kind: "halts", settings: {} },
  { title: "News feed", about: "All articles", kind: "news", settings: {} },
  { title: "Company news", about: "Articles about one symbol", kind: "news", settings: { linked: true } },
  { title: "Company", about: "Who it is, what it does, how many shares there are", kind: "company", settings: {} },
  { title: "Short interest and volume", about: "Shares sold short, days to cover, part of each day's volume", kind: "short", settings: {} },
  { title: "Filings", about: "What was filed with the SEC, by how much it matters", kind: "filings", settings: {} },
  { title: "Splits and symbols", about: "Splits past and to come, symbols it was traded under", kind: "splits", settings: {} },
  { title: "Market clock", about: "Session, and the time to the next", kind: "clock", settings: {} },
];
