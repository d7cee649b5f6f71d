/** Frames of protocol 1, as `schemas/widget.py` declares them. */

export type Cell = number | string | null;
export type Cells = readonly Cell[];

/** What of a feed is wanted; a field that is absent is as the feed has it by itself. */
export interface View {
  /** Cells of a row, `symbol` not named. */
  columns?: string[] | null;
  /** Rows, at most; of a sequence, how many of its newest come first. */
  top?: number | null;
  /** A column, greatest first; with `+` before it, smallest first. */
  sort?: string | null;
  /** A condition on the fields of a row. */
  where?: string | null;
  /** Updates a second, at most. */
  hz?: number | null;
  /** Places, from 0; the second is exclusive. */
  window?: [number, number] | null;
  symbols?: string[] | null;
}

export interface Head {
  trading_day: string;
  session: string;
  asof_ms: number;
}

export interface Hello {
  type: "hello";
  protocol: number;
  version: string;
  source: string;
  server_ms: number;
  feeds: string[];
  user?: string | null;
  expires_ms?: number | null;
}

export interface Snap {
  type: "snap";
  id: number;
  feed: string;
  epoch: string;
  seq: number;
  received_ms: number;
  head: Head;
  columns: string[];
  rows: Cell[][];
  total: number;
  crc: number | null;
  recovered?: boolean | null;
}

export interface Delta {
  type: "delta";
  id: number;
  after: number;
  seq: number;
  received_ms: number;
  head: Head;
  gone: string[];
  moves: [number, string][];
  rows: number[];
  cells: [number, Cell[], number[]?][];
  total: number;
  crc?: number | null;
}

export interface Happened {
  type: "event";
  id: number;
  feed: string;
  epoch: string;
  after: number;
  seq: number;
  values: unknown[];
  recovered?: boolean | null;
}

export interface Refusal {
  type: "error";
  message: string;
  id?: number | null;
  place?: number | null;
}

export interface Lag {
  type: "lag";
  id: number;
  hz: number | null;
  waited_ms: number;
}

export interface Bye {
  type: "bye";
  code: number;
  reason: string;
  again_ms: number | null;
}

export type ServerFrame =
  | Hello
  | { type: "feeds"; feeds: string[] }
  | { type: "status"; stale: boolean; server_ms: number }
  | Snap
  | Delta
  | Happened
  | { type: "ack"; of: string; id: number }
  | Lag
  | Bye
  | Refusal;

/** Frames that belong to one subscription. */
export type ChannelFrame = Extract<ServerFrame, { type: "snap" | "delta" | "event" | "ack" | "lag" | "error" }>;

export type Sub = { action: "sub"; id: number; feed: string; view: View; epoch?: string; seq?: number };

export type ClientFrame =
  | { action: "auth"; token: string }
  | Sub
  | { action: "set"; id: number; view: View }
  | { action: "unsub"; id: number }
  | { action: "ping"; id?: number };
