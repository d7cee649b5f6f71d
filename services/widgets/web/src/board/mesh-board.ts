import { html, type PropertyValues, type TemplateResult } from "lit";
import { newYorkTime } from "../look/format";
import { appearance } from "../look/settings";
import { sheet } from "../look/sheet";
import { tapeClock } from "../share/tape";
import type { TableState } from "../wire/feed-state";
import { MeshWidget } from "../widgets/widget";
import type { Surroundings } from "./board-row";
import { Body } from "./body";
import { columnsOf, placesOf, type Column } from "./columns";
import { headCells } from "./head";
import { Newcomers } from "./newcomers";
import { USUAL_BOARD, rankedBy, shownColumns, titleOf, viewOf, type BoardSettings } from "./settings";
import { setupForm } from "./setup";
import { boardStyle } from "./style";

/** Rows beyond both edges, for who scrolls. */
const OVERSCAN = 3;
const REORDER_MS = 700;
const FADE_MS = 180;
/** What is due is done with the next update, in one frame with it; without one, so much later. */
const WITHIN_MS = 150;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * `<mesh-board name="gainers">`: a live leaderboard of which only the visible rows exist.
 *
 * Values are shown with the next frame of the browser, places at most every 700 ms, and not at all
 * while the pointer or the keyboard is on the board: a row must not jump away under the eye.
 */
export class MeshBoard extends MeshWidget {
  static override styles = [sheet, boardStyle];
  static override properties = { name: { type: String } };

  /** The board, where nothing else is set. */
  declare name: string;

  #columns: Column[] = [];
  #columnsKey = "";
  #around: Surroundings | null = null;
  #shown: readonly string[] = [];
  #body: Body | null = null;
  #holders = { pointer: false, keys: false };
  #newcomers = new Newcomers();
  #active = "";
  #rowHeight = 24;
  #reorderedAt = -Infinity;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | 0 = 0;
  #fading: ReturnType<typeof setTimeout> | 0 = 0;
  #fadedAt = 0;
  #wrong: { message: string; place: number | null; where: string } | null = null;
  #taken: { view: ReturnType<typeof viewOf>; feed: string } | null = null;
  /** How far it is scrolled, and how high it is: noted when they change, for to ask would lay out the page anew. */
  #seen = { top: 0, height: 0 };
  #sized = new ResizeObserver(([{ contentRect }]) => {
    this.#seen.height = contentRect.height;
    this.#request();
  });

  get board(): BoardSettings {
    return { ...USUAL_BOARD, ...(this.name ? { board: this.name } : {}), ...this.settings } as BoardSettings;
  }

  override get heading(): string {
    return titleOf(this.board.board);
  }

  override get isQuiet(): boolean {
    return false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    appearance.addEventListener("change", this.#onAppearance);
    this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    appearance.removeEventListener("change", this.#onAppearance);
    this.#sized.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer || undefined);
    clearTimeout(this.#fading || undefined);
    this.#frame = this.#timer = this.#fading = 0;
  }

  override render(): TemplateResult {
    return html`<section ?hidden=${this.isSettingUp} @pointerenter=${() => this.#hold({ pointer: true })}
      @pointerleave=${() => this.#hold({ pointer: false })}>
      <div class="scroll" tabindex="0" role="group" aria-label=${this.heading} @scroll=${this.#onScroll}
        @focus=${(event: Event) => this.#hold({ keys: (event.target as Element).matches(":focus-visible") })}
        @blur=${() => this.#hold({ keys: false })} @keydown=${this.#onKey} @click=${this.#onClick}>
        <table role="table" aria-label=${this.heading}>
          <thead role="rowgroup"><tr role="row" aria-rowindex="1"></tr></thead>
          <tbody class="space" aria-hidden="true"><tr><td></td></tr></tbody>
          <tbody class="rows" role="rowgroup"></tbody>
          <tbody class="space" aria-hidden="true"><tr><td></td></tr></tbody>
        </table>
        <p class="empty"></p>
      </div>
      <p class="note"></p>
    </section>
    ${this.isSettingUp ? this.#setup() : ""}`;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("settings") || changed.has("name")) this.#follow();
    this.setAttribute("feed", `board/${this.board.board}`);
  }

  protected override firstUpdated(): void {
    this.#sized.observe(this.#one(".scroll"));
  }

  protected override updated(): void {
    this.#request();
  }

  #setup(): TemplateResult {
    const { board } = this;
    const offered = this.client.feeds.filter((feed) => /^board\/[^*>]+$/.test(feed)).map((feed) => feed.slice(6));
    return setupForm({
      settings: board, boards: [...new Set([board.board, ...offered])].sort(), wrong: this.#wrong,
      shown: this.#columns.length ? this.#columns.map((column) => column.name) : shownColumns(board, rankedBy(board.board)),
      change: (changes) => this.change(changes), done: () => this.setUp(),
    });
  }

  /** Ask for what the settings say; what the service refuses is said, and the view before stays. */
  #follow(): void {
    const feed = `board/${this.board.board}`;
    const view = viewOf(this.board);
    if (this.followed("board")?.feed !== feed) this.#shown = [];
    const key = JSON.stringify([feed, view.where, view.sort, view.top]);
    if (key !== this.#newcomers.key) this.#newcomers = new Newcomers(key);
    const subscription = this.follow("board", feed, view, () => {
      if (subscription.error) this.#onRefused(subscription.error, feed);
      else this.#taken = { view: subscription.view, feed };
      this.#request();
    });
    this.#wrong = null;
    this.#request();
  }

  #onRefused(error: { message: string; place: number | null }, feed: string): void {
    this.#wrong = { ...error, where: viewOf(this.board).where ?? "" };
    this.requestUpdate();
    if (this.#taken?.feed === feed) this.follow("board", feed, this.#taken.view);
  }

  readonly #onAppearance = (): void => {
    this.#rowHeight = appearance.now.density === "dense" ? 24 : 30;
    this.#request();
  };

  /** Note who is on the board: the pointer, the keyboard, or none. */
  #hold(who: { pointer?: boolean; keys?: boolean }): void {
    this.#holders = { ...this.#holders, ...who };
    this.#request();
  }

  /** The table of the board; null before the first frame. */
  get #state(): TableState | null {
    const table = this.followed("board")?.table;
    return table?.head ? table : null;
  }

  get #held(): boolean {
    return this.#shown.length > 0 && (this.#holders.pointer || this.#holders.keys);
  }

  #one<E extends HTMLElement>(selector: string): E {
    return this.renderRoot.querySelector<E>(selector)!;
  }

  #request(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.hasUpdated && this.isConnected) this.#show();
    });
  }

  #show(): void {
    const state = this.#state;
    this.#one("section").classList.toggle("loading", !state);
    if (state) {
      this.#fitColumns(state);
      this.#reorder(state);
      if (performance.now() - this.#fadedAt > FADE_MS) this.#fade();
      this.#showRows(state);
      this.#fading ||= setTimeout(() => this.#fade(), FADE_MS + WITHIN_MS);
    }
    this.#showWords(state);
  }

  #fade(): void {
    clearTimeout(this.#fading || undefined);
    this.#fadedAt = performance.now();
    this.#fading = this.#body?.fade() ? setTimeout(() => this.#fade(), FADE_MS + WITHIN_MS) : 0;
  }

  #fitColumns(state: TableState): void {
    const { board } = this;
    const columns = columnsOf(state, board);
    const key = JSON.stringify([columns.map(({ name, place, width, ranking }) => [name, place, width, ranking]), board.sort]);
    this.#around = {
      columns: this.#columns, places: placesOf(state), heat: board.heat,
      nowMs: tapeClock.now() ?? this.client.nowMs(),
      flashes: appearance.now.highlight !== "off" && !calm.matches,
    };
    if (key === this.#columnsKey) return;
    this.#columnsKey = key;
    this.#around.columns = this.#columns = columns;
    this.#shown = state.order;
    this.#body?.clear();
    this.#one("thead tr").replaceChildren(...headCells(columns, board.sort, {
      sort: (name) => this.#sort(name),
      resize: (name, width) => this.change({ widths: { ...board.widths, [name]: width } }),
      move: (name, by) => this.#move(name, by),
    }));
    this.#one("table").style.width = `${126 + columns.reduce((sum, column) => sum + column.width, 0)}px`;
  }

  /** Greatest first, then smallest first, then as the board has it. */
  #sort(name: string): void {
    const { sort } = this.board;
    this.change({ sort: sort === name ? `+${name}` : sort === `+${name}` ? null : name });
  }

  #move(name: string, by: number): void {
    const columns = this.#columns.map((column) => column.name);
    const place = columns.indexOf(name);
    columns.splice(place, 1);
    columns.splice(Math.max(0, place + by), 0, name);
    this.change({ columns });
  }

  /** Take over the board's order, unless it is held or was taken over a moment ago. */
  #reorder({ order }: TableState): void {
    if (order === this.#shown || this.#held) return;
    const wait = this.#reorderedAt + REORDER_MS - performance.now();
    if (wait > 0 && order.length) {
      this.#timer ||= setTimeout(() => { this.#timer = 0; this.#request(); }, wait + WITHIN_MS);
      return;
    }
    this.#reorderedAt = performance.now();
    this.#shown = order;
  }

  #showRows(state: TableState): void {
    const around = this.#around!;
    const { top, height } = this.#seen;
    const first = Math.max(0, Math.floor(top / this.#rowHeight) - OVERSCAN);
    const symbols = this.#shown.slice(first, Math.ceil((top + height) / this.#rowHeight) + OVERSCAN);
    const ranks = this.#held ? new Map(state.order.map((symbol, n) => [symbol, n])) : null;
    const isNew = state.isRecalled ? () => false : this.#newcomers.among(state.order);
    this.#body ??= new Body(this.#one("table"));
    this.#body.place(symbols, first, this.#shown.length, this.#rowHeight, this.#columns).forEach((row, n) => {
      row.place(first + n, around.flashes);
      const { symbol } = row;
      row.show(state.rows.get(symbol), around, moved(first + n, ranks?.get(symbol)), isNew(symbol), symbol === this.symbol);
      row.element.toggleAttribute("data-active", this.#holders.keys && symbol === this.#active);
    });
  }

  #showWords(state: TableState | null): void {
    const count = state?.order.length ?? 0;
    const section = this.#one("section");
    section.classList.toggle("held", this.#held);
    section.classList.toggle("bare", count === 0);
    section.classList.toggle("old", state?.isRecalled === true);
    const note = state?.isRecalled ? `as of ${newYorkTime(state.head!.asof_ms)}` : this.#held ? "order held" : "";
    if (this.#one(".note").textContent !== note) this.#one(".note").textContent = note;
    const error = this.followed("board")?.error;
    const empty = !state ? error?.message ?? "Loading…" : count ? "" : this.#whyEmpty();
    if (this.#one(".empty").textContent !== empty) this.#one(".empty").textContent = empty;
  }

  #whyEmpty(): string {
    if (this.#taken?.view.where) return "No symbol passes the filter now";
    return this.board.board === "gainers" || this.board.board === "losers"
      ? "No symbol has an official open yet"
      : "No symbol ranks here now";
  }

  readonly #onScroll = (event: Event): void => {
    this.#seen.top = (event.target as Element).scrollTop;
    this.#request();
  };

  readonly #onClick = (event: Event): void => {
    const symbol = (event.target as Element).closest(".rows tr")?.querySelector(".name")?.textContent;
    if (!symbol) return;
    this.#active = symbol;
    this.choose(symbol);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.target !== this.#one(".scroll")) return;
    if (event.key === "Enter" && this.#active) this.choose(this.#active);
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!by || !this.#shown.length) return;
    event.preventDefault();
    const place = this.#shown.indexOf(this.#active) + by;
    const to = Math.min(this.#shown.length - 1, Math.max(0, place));
    this.#active = this.#shown[to];
    const scroll = this.#one(".scroll");
    const [top, room] = [to * this.#rowHeight, scroll.clientHeight - 2 * this.#rowHeight];
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top > scroll.scrollTop + room) scroll.scrollTop = top - room;
    this.#request();
  };
}

/** Where a row that is held would stand; a single place is not worth a mark. */
function moved(index: number, now: number | undefined): string {
  if (now === undefined || Math.abs(now - index) < 2) return "";
  return now < index ? "up" : "down";
}

customElements.define("mesh-board", MeshBoard);
