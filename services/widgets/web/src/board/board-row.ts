import { LINE, signOf } from "../look/fields";
import { duration, price } from "../look/format";
import type { Cells } from "../wire/protocol";
import type { Column, Places } from "./columns";

/** How often a highlight fades before it is gone; in steps, since a continuous fade repaints sixty times a second. */
const FLASH_STEPS = 2;
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
  #new = mark("new", "NEW");
  #cells: Written[];
  #bar: HTMLElement | null = null;
  #line: SVGPathElement | null = null;
  /** Highlights that fade: how a cell is tinted, and for how many steps yet. */
  #lit = new Map<HTMLElement, { tint: string; step: number }>();
  #values: Cells | null = null;
  #standing = "";
  #shift = 0;

  constructor(columns: Column[]) {
    this.element.role = "row"; // said, since styles take it away
    this.#rank = this.#cell("td", "rank").element;
    const head = this.#cell("th", "symbol").element as HTMLTableCellElement;
    head.scope = "row";
    this.#name = { element: document.createElement("span"), text: new Text() };
    this.#name.element.className = "name";
    this.#name.element.append(this.#name.text);
    head.append(this.#name.element);
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
    for (const cell of this.#lit.keys()) this.#light(cell, "", 0);
    this.symbol = symbol;
    this.index = -1;
    this.#values = null;
    this.draw(null);
    this.#write(this.#name, symbol);
  }

  /** Take place *index* of the list; the rank of a row that jumps over others is highlighted. */
  place(index: number, flashes: boolean): void {
    if (this.index === index) return;
    const places = this.index < 0 ? 0 : this.index - index;
    if (flashes && Math.abs(places) > 1) this.#light(this.#rank, tintOf(places)); // by one, rows only make room
    this.element.ariaRowIndex = String(index + 2); // the head is row 1
    this.#rank.ariaLabel = String(index + 1); // who sees reads it beside the rows, where it does not move
    this.index = index;
  }

  /** Be seen so many places below where it stands; whether that is elsewhere. */
  shift(places: number): boolean {
    if (places !== this.#shift) this.element.style.translate = (this.#shift = places) ? `0 ${places}00%` : "";
    return places !== 0;
  }

  /**
   * Show *values*, highlighting once what changed; none: the symbol has left the board.
   * *moved* says where it would stand if its place were not held: `up`, `down` or nothing; the keyboard is on one that
   * *isActive*.
   */
  show(values: Cells | undefined, around: Surroundings, moved: string, isNew: boolean, isChosen: boolean, isActive: boolean): void {
    const standing = [moved, isNew, isChosen, isActive, !values].join();
    if (standing !== this.#standing) {
      this.#standing = standing;
      set(this.#rank, "moved", moved);
      set(this.element, "gone", values ? "" : "1");
      set(this.element, "chosen", isChosen ? "1" : "");
      set(this.element, "active", isActive ? "1" : "");
      this.#stand(this.#new, isNew);
    }
    if (!values && !this.#values) this.#blank();
    if (!values || values === this.#values) return;
    const before = this.#values;
    around.columns.forEach((column, n) => {
      const value = values[column.place] ?? null;
      const cell = this.#cells[n];
      if (!this.#write(cell, column.text(value))) return;
      if (column.signed) set(cell.element, "sign", signOf(value));
      const old = before?.[column.place];
      const flashes = around.flashes && column.tinted && typeof value === "number" && typeof old === "number";
      if (flashes) this.#light(cell.element, tintOf(value - old));
    });
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
    for (const [cell, { tint, step }] of this.#lit) this.#light(cell, tint, step - 1);
    return this.#lit.size > 0;
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
    this.#stand(this.#halt, isHalted);
    if (isHalted) {
      this.#halt.textContent = halt === "paused" ? "H" : "L";
      this.#halt.title = halt === "paused" ? "Trading is paused" : "At a price band: may be paused within 15 s";
    }
    const newsMs = values[places.newsMs];
    const isToldOf = typeof newsMs === "number";
    this.#stand(this.#flame, isToldOf);
    if (isToldOf) {
      const ageMs = Math.max(0, nowMs - newsMs);
      set(this.#flame, "age", String(FLAME_H.findIndex((hours) => ageMs < hours * HOUR_MS)));
      this.#flame.title = `Newest article ${duration(ageMs)} ago`;
    }
  }

  /** Have a mark beside the name, the newest first, or not: most rows have none, and what is not there is not styled. */
  #stand(mark: HTMLElement, isShown: boolean): void {
    if (!isShown) mark.remove();
    else if (!mark.parentNode) this.#name.element.after(mark);
  }

  /** Nothing is known of the symbol: what is left is of the one that was here before. */
  #blank(): void {
    for (const cell of this.#cells) this.#write(cell, "");
    for (const mark of [this.#flame, this.#halt]) mark.remove();
  }

  #lineIn(): SVGElement {
    const [box, line] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    box.setAttribute("viewBox", "0 0 100 20");
    box.setAttribute("preserveAspectRatio", "none");
    box.append(this.#line = line as SVGPathElement);
    return box as SVGElement;
  }

  #light(cell: HTMLElement, tint: string, step = FLASH_STEPS): void {
    set(cell, "tint", step ? `${tint} ${step}` : "");
    if (step) this.#lit.set(cell, { tint, step });
    else this.#lit.delete(cell);
  }

  #cell(kind: "td" | "th", name: string): Written {
    const element = document.createElement(kind);
    element.className = name;
    element.role = kind === "th" ? "rowheader" : "cell";
    const text = new Text();
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

function mark(name: string, text = ""): HTMLElement {
  const element = document.createElement("span");
  element.className = `mark ${name}`;
  element.textContent = text;
  return element;
}

/** Only what changes is written: an attribute that is set to what it was has its element styled anew. */
function set(element: HTMLElement, name: string, value: string): void {
  const attribute = `data-${name}`; // not by `dataset`, which takes twice the time
  if ((element.getAttribute(attribute) ?? "") === value) return;
  if (value) element.setAttribute(attribute, value);
  else element.removeAttribute(attribute);
}
