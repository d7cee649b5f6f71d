import { compact, percent, plain, price } from "../look/format";
import type { TableState } from "../wire/feed-state";

interface Field {
  title: string;
  about: string;
  text: (value: number | null) => string;
  signed?: boolean;
  tinted?: boolean;
}

/** A field as a column of one board: `column` is its place in a row. */
export interface Column extends Field {
  field: string;
  column: number;
  ranking: boolean;
}

/** How fields are shown: `signed` ones in the colour of their sign, `tinted` ones flash in that of their change. */
const FIELDS: Record<string, Field> = {
  change_open_pct: { title: "From open", about: "Change since the day's official open", text: percent, signed: true, tinted: true },
  change_pct: { title: "Change", about: "Change since the previous close", text: percent, signed: true, tinted: true },
  gap_pct: { title: "Gap", about: "Gap between the previous close and the open", text: percent, signed: true },
  relative_volume: { title: "Rel. vol.", about: "Volume against what is usual by this time of day", text: plain },
  dollar_volume_usd: { title: "Dollars", about: "Dollars traded today, all sessions", text: compact },
  float_rotation: { title: "Rotation", about: "Volume of the day over the free float", text: plain },
  spread_pct: { title: "Spread", about: "Ask over bid, percent of their middle", text: percent },
  volume_shares: { title: "Volume", about: "Shares traded today, all sessions", text: compact },
  vwap_usd: { title: "VWAP", about: "Volume-weighted average price of the day, US dollars", text: price },
  last_usd: { title: "Last", about: "Last price, US dollars", text: price, tinted: true },
  score: { title: "Score", about: "What this board ranks by", text: plain },
};
const USUAL = ["change_pct", "volume_shares", "vwap_usd"];
const MEASURES = 3;

/**
 * The columns of a board, the one that it ranks by first.
 *
 * A board does not say what its score is, but its rows do: it is the field that equals the score in
 * every one of them. A board with a score of its own shows that number.
 */
export function columnsOf(state: TableState): Column[] {
  const rows = [...state.rows.values()];
  const at = (field: string) => state.columns.indexOf(field);
  const score = at("score");
  const ranked = Object.keys(FIELDS).find((field) => {
    const column = at(field);
    return column >= 0 && rows.length > 0 && rows.every((row) => row[column] === row[score]);
  });
  const others = USUAL.filter((field) => field !== ranked);
  const fields = [...(ranked ? [ranked] : []), ...others].slice(0, MEASURES);
  return ["last_usd", ...fields].map((field) => ({
    field, column: at(field), ranking: field === ranked, ...FIELDS[field],
  }));
}
