import type { Subscription } from "../wire/channel";
import type { TableState } from "../wire/feed-state";
import { client } from "../wire/mesh-client";
import { BoardRow } from "./board-row";
import { columnsOf, type Column } from "./columns";

const ROW_HEIGHT = 30;
const OVERSCAN = 4;
const REORDER_MS = 700;
const FADE_MS = 170;

let serial = 0;

interface Parts {
  section: HTMLElement;
  scroll: HTMLElement;
  table: HTMLTableElement;
  head: HTMLTableRowElement;
  body: HTMLElement;
  by: HTMLElement;
  note: HTMLElement;
  empty: HTMLElement;
  above: HTMLTableCellElement;
  below: HTMLTableCellElement;
}

/**
 * `<mesh-board feed="board/gainers">`: a live leaderboard of which only the visible rows exist.
 *
 * Values are shown with the next frame of the browser, places at most every 700 ms, and not at all
 * while the pointer or the keyboard is on the board: a row must not jump away under the eye.
 */
class MeshBoard extends HTMLElement {
  #subscription!: Subscription;
  #columns: Column[] = [];
  #shown: readonly string[] = [];
  #rows = new Map<string, BoardRow>();
  #parts!: Parts;
  #holders = { pointer: false, keys: false };
  #reorderedAt = -Infinity;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | 0 = 0;
  #fading: ReturnType<typeof setTimeout> | 0 = 0;
  readonly #onUpdate = () => this.#request();

  connectedCallback() {
    this.#parts ??= this.#build();
    this.#subscription = client.subscribe(this.#feed, {}, this.#onUpdate);
    this.#request();
  }

  disconnectedCallback() {
    client.unsubscribe(this.#subscription);
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    clearTimeout(this.#fading);
    this.#frame = this.#timer = this.#fading = 0;
  }

  get #feed(): string {
    return this.getAttribute("feed") ?? "";
  }

  #build(): Parts {
    const id = `board-${++serial}`;
    this.innerHTML = `
      <section class="board" aria-labelledby="${id}">
        <header><h2 id="${id}"></h2><p class="by"></p><p class="note"></p></header>
        <div class="scroll" tabindex="0" role="group" aria-labelledby="${id}">
          <table aria-labelledby="${id}">
            <thead><tr></tr></thead>
            <tbody class="space" aria-hidden="true"><tr><td></td></tr></tbody>
            <tbody class="rows"></tbody>
            <tbody class="space" aria-hidden="true"><tr><td></td></tr></tbody>
          </table>
          <p class="empty"></p>
        </div>
      </section>`;
    const one = <E extends Element>(selector: string) => this.querySelector<E>(selector)!;
    one<HTMLElement>("h2").textContent = title(this.#feed);
    const [above, below] = this.querySelectorAll<HTMLTableCellElement>(".space td");
    const parts: Parts = {
      section: one("section"), scroll: one(".scroll"), table: one("table"), head: one("thead tr"),
      body: one(".rows"), by: one(".by"), note: one(".note"), empty: one(".empty"), above, below,
    };
    parts.scroll.addEventListener("scroll", this.#onUpdate, { passive: true });
    parts.section.addEventListener("pointerenter", () => this.#hold({ pointer: true }));
    parts.section.addEventListener("pointerleave", () => this.#hold({ pointer: false }));
    parts.scroll.addEventListener("focus", () => this.#hold({ keys: parts.scroll.matches(":focus-visible") }));
    parts.scroll.addEventListener("blur", () => this.#hold({ keys: false }));
    new ResizeObserver(this.#onUpdate).observe(parts.scroll);
    return parts;
  }

  /** Note who is on the board: the pointer, the keyboard, or none. */
  #hold(who: { pointer?: boolean; keys?: boolean }): void {
    this.#holders = { ...this.#holders, ...who };
    this.#request();
  }

  /** The table of the board; null before the first frame. */
  get #state(): TableState {
    return this.#subscription.table!;
  }

  get #held() {
    return this.#shown.length > 0 && (this.#holders.pointer || this.#holders.keys);
  }

  #request() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  }

  #render() {
    const loaded = this.#state !== null;
    this.#parts.section.classList.toggle("loading", !loaded);
    if (loaded) {
      this.#fitColumns();
      this.#reorder();
      this.#renderRows();
      this.#fading ||= setTimeout(() => this.#fade(), FADE_MS);
    }
    this.#renderWords(loaded);
  }

  #fade() {
    const lit = [...this.#rows.values()].filter((row) => row.fade());
    this.#fading = lit.length ? setTimeout(() => this.#fade(), FADE_MS) : 0;
  }

  #fitColumns() {
    const columns = columnsOf(this.#state);
    const key = (list: Column[]) => list.map((column) => `${column.field}:${column.column}:${column.ranking}`).join();
    if (key(columns) === key(this.#columns)) return;
    this.#columns = columns;
    this.#shown = this.#state.order;
    this.#rows.clear();
    this.#parts.body.replaceChildren();
    this.#parts.head.replaceChildren(
      headCell("#", "rank", "Rank"), headCell("Symbol", "symbol", "Symbol"),
      ...columns.map((column) => headCell(column.title, column.ranking ? "ranking" : "", column.about)),
    );
    this.#parts.above.colSpan = this.#parts.below.colSpan = columns.length + 2;
  }

  /** Take over the board's order, unless it is held or was taken over a moment ago. */
  #reorder() {
    const { order } = this.#state;
    if (order === this.#shown || this.#held) return;
    const wait = this.#reorderedAt + REORDER_MS - performance.now();
    if (wait > 0 && order.length) {
      this.#timer ||= setTimeout(() => { this.#timer = 0; this.#request(); }, wait);
      return;
    }
    this.#reorderedAt = performance.now();
    this.#shown = order;
  }

  #renderRows() {
    const { scroll, body, above, below, table, head } = this.#parts;
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW_HEIGHT) - OVERSCAN);
    const visible = Math.ceil(scroll.clientHeight / ROW_HEIGHT) + 2 * OVERSCAN;
    const symbols = this.#shown.slice(first, first + visible);
    const ranks = this.#held ? this.#ranks() : null;
    this.#assign(symbols).forEach((row, n) => {
      if (body.children[n] !== row.element) body.insertBefore(row.element, body.children[n] ?? null);
      row.place(first + n);
      row.show(this.#state.rows.get(row.symbol), this.#columns, moved(first + n, ranks?.get(row.symbol)));
    });
    above.style.height = `${first * ROW_HEIGHT}px`;
    below.style.height = `${(this.#shown.length - first - symbols.length) * ROW_HEIGHT}px`;
    table.ariaRowCount = String(this.#shown.length + 1);
    head.ariaRowIndex = "1";
  }

  /** The rows for *symbols*: each keeps its own; newcomers take the rows that nobody needs. */
  #assign(symbols: readonly string[]): BoardRow[] {
    const wanted = new Set(symbols);
    const free = [...this.#rows.values()].filter((row) => !wanted.has(row.symbol));
    for (const row of free) this.#rows.delete(row.symbol);
    const rows = symbols.map((symbol) => {
      const own = this.#rows.get(symbol);
      if (own) return own;
      const row = free.pop() ?? new BoardRow(this.#columns);
      row.bind(symbol);
      this.#rows.set(symbol, row);
      return row;
    });
    for (const row of free) row.element.remove();
    return rows;
  }

  #ranks() {
    return new Map(this.#state.order.map((symbol, n) => [symbol, n]));
  }

  #renderWords(loaded: boolean): void {
    const { section, by, note, empty } = this.#parts;
    const held = this.#held;
    const count = this.#state?.order.length ?? 0;
    section.classList.toggle("held", held);
    section.classList.toggle("bare", count === 0);
    note.textContent = held ? "order held" : loaded && count ? `top ${count}` : "";
    by.textContent = this.#columns.find((column) => column.ranking)?.about.toLowerCase() ?? "";
    empty.textContent = !loaded ? "Loading…" : count ? "" : whyEmpty();
  }
}

/** An empty board, in words. Without any official open in the market, that is what it waits for. */
function whyEmpty() {
  const opened = client.tables().some((state) => {
    const open = state.columns.indexOf("open_usd");
    return [...state.rows.values()].some((row) => row[open] != null);
  });
  return opened ? "No symbol ranks here now" : "No symbol has an official open yet";
}

/** Where a row that is held would stand; a single place is not worth a mark. */
function moved(index: number, now: number | undefined): string {
  if (now === undefined || Math.abs(now - index) < 2) return "";
  return now < index ? "up" : "down";
}

function title(feed: string): string {
  const words = feed.slice(feed.indexOf("/") + 1).replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function headCell(text: string, name: string, about: string): HTMLElement {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.className = name;
  cell.title = about;
  cell.textContent = text;
  if (name === "ranking") cell.ariaSort = "descending";
  return cell;
}

customElements.define("mesh-board", MeshBoard);
