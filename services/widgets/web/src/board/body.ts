import { BoardRow } from "./board-row";
import type { Column } from "./columns";

/** Rows stand in the document as they are seen after so long without another order, and after so long at most. */
const CALM_MS = 1_000;
const SETTLED_MS = 10_000;

/**
 * The rows of a board that are in sight.
 *
 * Each symbol keeps its element while it is in sight. Rows that trade places are only shifted at first: an element that
 * is moved in the document is styled and laid out anew, which takes longer than all the rest of a busy board's update.
 * Their `aria-rowindex` is right at once; who comes to the board finds the document in its order, and keeps it there.
 * Ranks belong to places, not to rows, and are one text that stays as it is.
 */
export class Body {
  #table: HTMLElement;
  #body: HTMLElement;
  #above: HTMLElement;
  #below: HTMLElement;
  #ranks = new Text();
  #rows = new Map<string, BoardRow>();
  /** As they are seen. */
  #placed: readonly BoardRow[] = [];
  #shiftedAt = 0;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(table: HTMLElement) {
    this.#table = table;
    this.#body = table.querySelector(".rows")!;
    [this.#above, this.#below] = table.querySelectorAll<HTMLElement>(".space td");
    const ranks = document.createElement("pre");
    ranks.append(this.#ranks);
    this.#above.append(ranks);
  }

  /** Begin anew: rows have other columns. */
  clear(): void {
    this.#rows.clear();
    this.#placed = [];
    this.#body.replaceChildren();
  }

  /** Have rows for *symbols*, from place *first* of *total* on; in their order. */
  place(symbols: readonly string[], first: number, total: number, rowHeight: number, columns: Column[]): readonly BoardRow[] {
    this.#arrange(this.#assign(symbols, columns));
    put(this.#above, first * rowHeight);
    put(this.#below, (total - first - symbols.length) * rowHeight);
    const ranks = symbols.map((_, n) => `${first + n + 1}\n`).join("");
    if (this.#ranks.data !== ranks) this.#ranks.data = ranks;
    const count = String(total + 1);
    if (this.#table.ariaRowCount !== count) this.#table.ariaRowCount = count;
    return this.#placed;
  }

  /** What is in sight. */
  get rows(): readonly BoardRow[] {
    return this.#placed;
  }

  /** Let highlights fade by one step; whether any is left. */
  fade(): boolean {
    return this.#placed.filter((row) => row.fade()).length > 0;
  }

  /** The rows for *symbols*: each keeps its own; newcomers take the rows that nobody needs. */
  #assign(symbols: readonly string[], columns: Column[]): BoardRow[] {
    const wanted = new Set(symbols);
    const free = [...this.#rows.values()].filter((row) => !wanted.has(row.symbol));
    for (const row of free) this.#rows.delete(row.symbol);
    const rows = symbols.map((symbol) => {
      const own = this.#rows.get(symbol);
      if (own) return own;
      const row = free.pop() ?? new BoardRow(columns);
      row.bind(symbol);
      this.#rows.set(symbol, row);
      return row;
    });
    for (const row of free) row.element.remove();
    return rows;
  }

  #arrange(rows: readonly BoardRow[]): void {
    if (rows.length === this.#placed.length && rows.every((row, n) => row === this.#placed[n])) return;
    this.#placed = rows;
    for (const { element } of rows) if (!element.parentNode) this.#body.append(element);
    this.#shift();
    this.#shiftedAt ||= Date.now();
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.settle(), Math.min(CALM_MS, this.#shiftedAt + SETTLED_MS - Date.now()));
  }

  /** Have the rows stand in the document as they are seen. */
  settle(): void {
    this.#shiftedAt = 0;
    if (!this.#shift()) return;
    this.#body.replaceChildren(...this.#placed.map((row) => row.element));
    this.#shift();
  }

  /** Have the rows be seen where they are placed; whether one stands elsewhere. */
  #shift(): boolean {
    const stand = new Map([...this.#body.children].map((element, n) => [element, n]));
    return this.#placed.filter((row, place) => row.shift(place - stand.get(row.element)!)).length > 0;
  }
}

function put(space: HTMLElement, height: number): void {
  const text = `${height}px`;
  if (space.style.height !== text) space.style.height = text;
}
