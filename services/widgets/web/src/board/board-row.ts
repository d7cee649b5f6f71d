import { LINE, signOf } from "../look/fields";
import { duration, price } from "../look/format";
import type { Cells } from "../wire/protocol";
import type { Column, Places } from "./columns";

/** How often a highlight fades before it is gone; in steps, since a continuous fade repaints sixty times a second. */
const FLASH_STEPS = 3;
/** Changes of the day by which rows are tinted, percent. */
const HEAT_PCT = [10, 20, 50, 100];
const HOUR_MS = 3_600_000;
/** Ages of the newest article by which its flame is coloured, the last for all that are older. */
const FLAME_H = [1, 3, 12, 24, 72, Infinity];
/** A bar is full at so many times the usual volume. */
const FULL_BAR = 5;

interface Written {
  element: HTMLElement;
  text: Text;
}

/** What a board knows of all rows at once. */
export interface Surroundings {
  columns: Column[];
  places: Places;
  heat: boolean;
  flashes: boolean;
  /** The tape's clock. */
  nowMs: number;
}

/** One visible row of a board: written cell by cell, and only where the text differs. */
export class BoardRow {
  element = document.createElement("tr");
  symbol = "";
  index = -1;

  #rank: HTMLElement;
  #name: Written;
  #flame = mark("flame");
  #halt = mark("halted");
  #new = mark("new");
  #cells: Written[];
  #bar: HTMLElement | null = null;
  #line: SVGPathElement | null = null;
  /** How the last change of each cell is tinted, by the element: the rank, then the columns. */
  #tints: string[] = [];
  #step = 0;
  #hasJumped = false;
  #values: Cells | null = null;

  constructor(columns: Column[]) {
    this.element.role = "row"; // said, since styles take it away
    this.#rank = this.#cell("td", "rank").element;
    const head = this.#cell("th", "symbol").element as HTMLTableCellElement;
    head.scope = "row";
    this.#name = { element: document.createElement("span"), text: document.createTextNode("") };
    this.#name.element.className = "name";
    this.#name.element.append(this.#name.text);
    head.append(this.#name.element, this.#new, this.#flame, this.#halt);
    this.#cells = columns.map((column) => {
      const cell = this.#cell("td", column.ranking ? "ranking" : "");
      cell.element.style.setProperty("--width", `${column.width}px`);
      cell.element.toggleAttribute("data-narrow", column.narrow);
      return cell;
    });
    const names = columns.map((column) => column.name);
    const drawn = this.#cells[names.indexOf(LINE)];
    if (drawn) drawn.element.append(this.#lineIn());
    const barred = this.#cells[Math.max(names.indexOf("relative_volume"), names.indexOf("volume_shares"))];
    if (barred) {
      this.#bar = document.createElement("i");
      barred.element.classList.add("barred");
      barred.element.append(this.#bar);
    }
  }

  /** Show *symbol* here from now on, without the marks of the row that was here before. */
  bind(symbol: string): void {
    this.#untint();
    if (this.#step) this.#light(0);
    this.symbol = symbol;
    this.index = -1;
    this.#values = null;
    for (const cell of this.#cells) this.#write(cell, "");
    this.draw(null);
    this.#write(this.#name, symbol);
  }

  /** Take place *index* of the list; the rank of a row that jumps over others is highlighted. */
  place(index: number, flashes: boolean): void {
    if (this.index === index) return;
    const places = this.index < 0 ? 0 : this.index - index;
    if (flashes && Math.abs(places) > 1) { // by one, rows only make room
      this.#untint();
      this.#tint(0, this.#rank, tintOf(places));
      this.#hasJumped = true;
      this.#light(FLASH_STEPS);
    }
    this.element.ariaRowIndex = String(index + 2); // the head is row 1
    this.#rank.ariaLabel = String(index + 1); // who sees reads it beside the rows, where it does not move
    this.index = index;
  }

  /**
   * Show *values*, highlighting once what changed; none: the symbol has left the board.
   * *moved* says where it would stand if its place were not held: `up`, `down` or nothing.
   */
  show(values: Cells | undefined, around: Surroundings, moved: string, isNew: boolean, isChosen: boolean): void {
    set(this.#rank, "moved", moved);
    set(this.element, "gone", values ? "" : "1");
    set(this.element, "chosen", isChosen ? "1" : "");
    if (this.#new.hidden === isNew) {
      this.#new.hidden = !isNew;
      this.#new.textContent = isNew ? "NEW" : "";
    }
    if (!values || values === this.#values) return;
    const before = this.#values;
    if (!this.#hasJumped) this.#tint(0, this.#rank, "");
    this.#hasJumped = false;
    let isLit = false;
    around.columns.forEach((column, n) => {
      const value = values[column.place] ?? null;
      const cell = this.#cells[n];
      let tint = "";
      if (this.#write(cell, column.text(value))) {
        if (column.signed) set(cell.element, "sign", signOf(value));
        const old = before?.[column.place];
        const flashes = around.flashes && column.tinted && typeof value === "number" && typeof old === "number";
        if (flashes) tint = tintOf(value - old);
      }
      this.#tint(n + 1, cell.element, tint);
      isLit ||= tint !== "";
    });
    if (isLit) this.#light(FLASH_STEPS);
    this.#values = values;
    this.#showMarks(values, around);
  }

  /** Draw the line of prices, if there is a column for it. */
  draw(line: { path: string; firstUsd: number; lastUsd: number } | null): void {
    const cell = this.#line?.parentElement?.parentElement;
    if (!cell || (this.#line!.getAttribute("d") ?? "") === (line?.path ?? "")) return;
    this.#line!.setAttribute("d", line?.path ?? "");
    set(cell, "sign", line ? signOf(line.lastUsd - line.firstUsd) : "");
    cell.ariaLabel = line && `from ${price(line.firstUsd)} to ${price(line.lastUsd)}`;
  }

  /** Let highlights fade by one step; whether any is left. */
  fade(): boolean {
    if (this.#step) this.#light(this.#step - 1);
    return this.#step > 0;
  }

  #showMarks(values: Cells, { places, heat, nowMs }: Surroundings): void {
    const change = values[places.change];
    const degrees = heat && typeof change === "number" ? HEAT_PCT.filter((pct) => Math.abs(change) >= pct).length : 0;
    set(this.element, "heat", degrees ? `${Number(change) < 0 ? "-" : ""}${degrees}` : "");
    const volume = values[places.relativeVolume];
    if (this.#bar) {
      const share = typeof volume === "number" ? Math.min(1, Math.max(0, volume / FULL_BAR)) : 0;
      this.#bar.style.setProperty("--share", share.toFixed(2));
      set(this.#bar, "high", typeof volume === "number" && volume >= FULL_BAR ? "1" : "");
    }
    const halt = values[places.halt];
    const isHalted = halt === "paused" || halt === "limit";
    this.#halt.hidden = !isHalted;
    if (isHalted) {
      this.#halt.textContent = halt === "paused" ? "H" : "L";
      this.#halt.title = halt === "paused" ? "Trading is paused" : "At a price band: may be paused within 15 s";
    }
    const newsMs = values[places.newsMs];
    this.#flame.hidden = typeof newsMs !== "number";
    if (typeof newsMs === "number") {
      const ageMs = Math.max(0, nowMs - newsMs);
      set(this.#flame, "age", String(FLAME_H.findIndex((hours) => ageMs < hours * HOUR_MS)));
      this.#flame.title = `Newest article ${duration(ageMs)} ago`;
    }
  }

  #lineIn(): SVGElement {
    const [box, line] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    box.setAttribute("viewBox", "0 0 100 20");
    box.setAttribute("preserveAspectRatio", "none");
    box.append(this.#line = line as SVGPathElement);
    return box as SVGElement;
  }

  #tint(n: number, element: HTMLElement, tint: string): void {
    if ((this.#tints[n] ?? "") === tint) return;
    this.#tints[n] = tint;
    set(element, "tint", tint);
  }

  #untint(): void {
    this.#tint(0, this.#rank, "");
    this.#cells.forEach((cell, n) => this.#tint(n + 1, cell.element, ""));
  }

  /** Highlight what is tinted: with one attribute for the row, since a busy board has a hundred cells that change at a time. */
  #light(step: number): void {
    this.#step = step;
    this.element.setAttribute("data-flash", String(step));
  }

  #cell(kind: "td" | "th", name: string): Written {
    const element = document.createElement(kind);
    element.className = name;
    element.role = kind === "th" ? "rowheader" : "cell";
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

function tintOf(change: number): string {
  return change > 0 ? "up" : change < 0 ? "down" : "flat";
}

function mark(name: string): HTMLElement {
  const element = document.createElement("span");
  element.className = `mark ${name}`;
  element.hidden = true;
  if (name === "new") element.title = "New on this board";
  return element;
}

function set(element: HTMLElement, name: string, value: string): void {
  if ((element.dataset[name] ?? "") === value) return;
  if (value) element.dataset[name] = value;
  else delete element.dataset[name];
}
