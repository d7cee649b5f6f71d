import { BoardRow } from "./board-row";
import type { Column } from "./columns";

/**
 * The rows of a board that are in sight.
 *
 * Each symbol keeps its element while it is in sight, and of elements that trade places as few as can be are moved:
 * what is moved is laid out anew. Ranks belong to places, not to rows, and are one text that stays as it is.
 */
export class Body {
  #table: HTMLElement;
  #body: HTMLElement;
  #above: HTMLElement;
  #below: HTMLElement;
  #ranks: Text;
  #rows = new Map<string, BoardRow>();
  #placed: readonly BoardRow[] = [];

  constructor(table: HTMLElement) {
    this.#table = table;
    this.#body = table.querySelector(".rows")!;
    [this.#above, this.#below] = table.querySelectorAll<HTMLElement>(".space td");
    this.#ranks = document.createTextNode("");
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
    const before = new Map(this.#placed.map((row, place) => [row, place]));
    const stay = ascending(rows.map((row) => before.get(row) ?? -1));
    let next: HTMLElement | null = null;
    for (let place = rows.length - 1; place >= 0; place--) {
      const { element } = rows[place];
      if (!stay.has(place)) this.#body.insertBefore(element, next);
      next = element;
    }
    this.#placed = rows;
  }
}

/** The places of a longest ascending part of *numbers*; those below zero belong to none. */
function ascending(numbers: readonly number[]): Set<number> {
  const ends: number[] = []; // by length, the place where a part of that length ends with the smallest number
  const before: number[] = [];
  numbers.forEach((number, place) => {
    if (number < 0) return;
    let length = ends.length;
    while (length && numbers[ends[length - 1]] > number) length--;
    before[place] = ends[length - 1] ?? -1;
    ends[length] = place;
  });
  const found = new Set<number>();
  for (let place = ends.at(-1) ?? -1; place >= 0; place = before[place]) found.add(place);
  return found;
}

function put(space: HTMLElement, height: number): void {
  const text = `${height}px`;
  if (space.style.height !== text) space.style.height = text;
}
