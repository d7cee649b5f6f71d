import type { Column } from "./columns";
import type { Cells } from "../wire/protocol";

/** How often a highlight fades before it is gone; in steps, since a continuous fade repaints sixty times a second. */
const FLASH_STEPS = 4;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

interface Written {
  element: HTMLElement;
  text: Text;
}

/** One visible row of a board: written cell by cell, and only where the text differs. */
export class BoardRow {
  element = document.createElement("tr");
  symbol = "";
  index = -1;

  #rank: Written;
  #name: Written;
  #cells: Written[] = [];
  #lit = new Map<HTMLElement, number>();
  #values: Cells | null = null;

  constructor(columns: Column[]) {
    this.#rank = this.#cell("td", "rank");
    this.#name = this.#cell("th", "symbol");
    (this.#name.element as HTMLTableCellElement).scope = "row";
    this.#cells = columns.map((column) => this.#cell("td", column.ranking ? "ranking" : ""));
  }

  /** Show *symbol* here from now on, without the marks of the row that was here before. */
  bind(symbol: string): void {
    while (this.fade());
    this.symbol = symbol;
    this.index = -1;
    this.#values = null;
    for (const cell of this.#cells) this.#write(cell, "");
    this.#write(this.#name, symbol);
  }

  /** Take place *index* of the list; the rank of a row that jumps over others is highlighted. */
  place(index: number): void {
    if (this.index === index) return;
    const places = this.index < 0 ? 0 : this.index - index;
    if (Math.abs(places) > 1) this.#flash(this.#rank.element, places); // by one, rows only make room
    this.element.ariaRowIndex = String(index + 2); // the head is row 1
    this.index = index;
  }

  /**
   * Show *values*, highlighting once what changed; none: the symbol has left the board.
   * *moved* says where it would stand if its place were not held: `up`, `down` or nothing.
   */
  show(values: Cells | undefined, columns: Column[], moved: string): void {
    this.#write(this.#rank, String(this.index + 1));
    this.#rank.element.dataset.moved = moved;
    this.element.classList.toggle("left", !values);
    if (!values || values === this.#values) return;
    columns.forEach((column, n) => {
      const value = values[column.column];
      if (!this.#write(this.#cells[n], column.text(value as number | null))) return;
      if (column.signed) this.#cells[n].element.dataset.sign = sign(value as number | null);
      const before = this.#values?.[column.column];
      const known = value != null && before != null;
      if (this.#values) this.#flash(this.#cells[n].element, column.tinted && known ? Number(value) - Number(before) : 0);
    });
    this.#values = values;
  }

  /** Let highlights fade by one step; whether any is left. */
  fade(): boolean {
    for (const [element, step] of this.#lit) this.#light(element, step - 1);
    return this.#lit.size > 0;
  }

  #flash(element: HTMLElement, change: number): void {
    if (calm.matches) return;
    element.dataset.tint = change > 0 ? "up" : change < 0 ? "down" : "flat";
    this.#light(element, FLASH_STEPS);
  }

  #light(element: HTMLElement, step: number): void {
    if (step > 0) this.#lit.set(element, step);
    else this.#lit.delete(element);
    element.dataset.flash = String(step);
  }

  #cell(kind: "td" | "th", name: string): Written {
    const element = document.createElement(kind);
    element.className = name;
    const text = document.createTextNode("");
    element.append(text);
    this.element.append(element);
    return { element, text };
  }

  #write(cell: Written, text: string): boolean {
    if (cell.text.data === text) return false;
    cell.text.data = text;
    return true;
  }
}

function sign(value: number | null): string {
  if (value == null || Math.abs(value) < 0.005) return "flat";
  return value > 0 ? "up" : "down";
}
