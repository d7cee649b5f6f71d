import { fieldOf, type Field } from "../look/fields";
import type { TableState } from "../wire/feed-state";
import { rankedBy, shownColumns, type BoardSettings } from "./settings";

/** A field as a column of one board. */
export interface Column extends Field {
  /** Its place in a row; −1: the service does not send it. */
  place: number;
  ranking: boolean;
  /** Narrower than what is usually written into it: it is cut off there. */
  narrow: boolean;
}

/** Where in a row the cells are that marks and tints are made of. */
export interface Places {
  change: number;
  relativeVolume: number;
  halt: number;
  newsMs: number;
}

/** The columns of a board as it is, of which one may be what it ranks by. */
export function columnsOf(state: TableState, settings: BoardSettings, ranked: string): Column[] {
  return shownColumns(settings, ranked).map((name) => {
    const field = fieldOf(name);
    const width = settings.widths[name] ?? field.width;
    return { ...field, width, narrow: width < field.width, place: state.columns.indexOf(name), ranking: name === ranked };
  });
}

export function placesOf(state: TableState): Places {
  const at = (name: string) => state.columns.indexOf(name);
  return { change: at("change_pct"), relativeVolume: at("relative_volume"), halt: at("halt"), newsMs: at("news_ms") };
}

/** So many rows say by what all are ranked: asked at each update, of all of them would cost more than it tells. */
const ASKED_ROWS = 5;

/** The field that the rows are ranked by: the usual one of *board*, if its cells are the scores of the first rows, or the same negated; else the score itself. */
export function ranking(state: TableState, board: string): string {
  const expected = rankedBy(board);
  const [field, score] = [expected, "score"].map((name) => state.columns.indexOf(name));
  if (field < 0 || score < 0) return expected;
  const size = (value: unknown) => (typeof value === "number" ? Math.abs(value) : value);
  const first = state.order.slice(0, ASKED_ROWS).map((symbol) => state.rows.get(symbol)!);
  const isSame = first.every((row) => size(row[field]) === size(row[score]));
  return isSame ? expected : "score";
}
