import { tableCrc } from "./crc";
import type { Cell, Cells, Delta, Happened, Head, Snap } from "./protocol";

/** Values of a sequence that are kept, the newest. */
const MOST_VALUES = 1000;

/**
 * A table (a board, rows, halts ...), rebuilt from its frames.
 *
 * Rows are arrays that are replaced, never changed, and so is `order`: what is the same array is the same.
 */
export class TableState {
  /** Of the numbering; null: the position is lost, and nothing but a snap is accepted. */
  epoch: string | null = null;
  seq = 0;
  /** null before the first snap. */
  head: Head | null = null;
  /** When the newest changes arrived from the vendor, epoch milliseconds UTC; 0: unknown. */
  receivedMs = 0;
  /** Names of the cells of a row; the first is `symbol`. The same array as long as they are the same. */
  columns: string[] = [];
  /** Symbols, best row first. */
  order: readonly string[] = [];
  /** Cells by symbol, in the order of `columns`; null is unknown. */
  rows = new Map<string, Cells>();
  /** `order` as it was when rows came last that had not been there. */
  joined: readonly string[] = [];
  /** How many rows there are on the server, of which the view may leave some out. */
  total = 0;
  /** Whether the last frame did not fit, or had another checksum than this table after it. */
  diverged = false;
  /** Whether this is from before the page was loaded. */
  isRecalled = false;

  snap(frame: Snap): void {
    this.isRecalled = false;
    this.epoch = frame.epoch;
    if (String(frame.columns) !== String(this.columns)) this.columns = frame.columns;
    this.order = frame.rows.map((row) => row[0] as string);
    this.rows = new Map(frame.rows.map((row) => [row[0] as string, row]));
    this.joined = this.order;
    this.#stamp(frame);
  }

  /** Apply the delta that follows; false if a frame before it was lost, and nothing was applied. */
  delta(frame: Delta): boolean {
    if (this.epoch === null || frame.after !== this.seq) return false;
    for (const symbol of frame.gone) this.rows.delete(symbol);
    if (frame.gone.length || frame.moves.length) this.order = reordered(this.order, frame.gone, frame.moves);
    for (const [, symbol] of frame.moves) {
      if (this.rows.has(symbol)) continue;
      this.rows.set(symbol, [symbol, ...Array(this.columns.length - 1).fill(null)]);
      this.joined = this.order;
    }
    this.#stamp(frame, this.#change(frame));
    return true;
  }

  /** Forget the position: nothing but a snap is accepted from now on. What is known stays visible. */
  lose(): void {
    this.epoch = null;
  }

  /** The checksum of the table as it is here, an integer from 0 to 2³² − 1. */
  crc(): number {
    return tableCrc(this.order, this.rows, this.columns.length);
  }

  /** Cells by the name of their column. */
  cell(symbol: string, column: string): Cell {
    return this.rows.get(symbol)?.[this.columns.indexOf(column)] ?? null;
  }

  /** Whether there is a row for every new value. */
  #change({ rows, cells }: Delta): boolean {
    const copies = new Map(rows.map((place) => [place, this.rows.get(this.order[place])?.slice()]));
    const fits = cells.every(
      ([column, values, places = rows]) =>
        column > 0 && column < this.columns.length && places.length === values.length &&
        places.every((place, n) => {
          const row = copies.get(place);
          if (row) row[column] = values[n];
          return row !== undefined;
        }),
    );
    for (const row of copies.values()) if (row) this.rows.set(row[0] as string, row);
    return fits;
  }

  #stamp(frame: Snap | Delta, changed = true): void {
    this.seq = frame.seq;
    this.head = frame.head;
    this.receivedMs = frame.received_ms || 0;
    this.total = frame.total;
    const fits = changed && this.order.length === this.rows.size;
    this.diverged = !fits || (frame.crc != null && frame.crc !== this.crc());
  }
}

/** A sequence (alerts, news, trades): the newest of its values, of which none is left out. */
export class SequenceState {
  epoch: string | null = null;
  seq = 0;
  /** The newest, oldest first, at most a thousand; another array after each frame. */
  values: unknown[] = [];
  /** Those of `values` that came with the last frame. */
  fresh: unknown[] = [];

  /** Take the frame that follows, or one that begins anew; false if one before it was lost, and nothing was taken. */
  event(frame: Happened): boolean {
    const follows = frame.epoch === this.epoch && frame.after === this.seq;
    if (!follows && frame.after !== 0) return false;
    this.epoch = frame.epoch;
    this.seq = frame.seq;
    this.fresh = frame.values.slice(-MOST_VALUES);
    this.values = follows ? [...this.values, ...this.fresh].slice(-MOST_VALUES) : this.fresh;
    return true;
  }
}

/** *order* without those that are gone, and with each of *moves* at its place; places ascend. */
function reordered(order: readonly string[], gone: string[], moves: [number, string][]): string[] {
  const out = new Set(gone);
  for (const [, symbol] of moves) out.add(symbol);
  const made: string[] = [];
  let next = 0;
  const putMoved = () => {
    while (next < moves.length && moves[next][0] <= made.length) made.push(moves[next++][1]);
  };
  for (const symbol of order) {
    if (out.has(symbol)) continue;
    putMoved();
    made.push(symbol);
  }
  for (; next < moves.length; next++) made.push(moves[next][1]);
  return made;
}
