import { html, type PropertyValues, type TemplateResult } from "lit";
import { appearance } from "../look/settings";
import { sheet } from "../look/sheet";
import { tapeClock } from "../share/tape";
import type { TableState } from "../wire/feed-state";
import { MeshWidget } from "../widgets/widget";
import type { Surroundings } from "./board-row";
import { Body } from "./body";
import { columnsOf, placesOf, ranking, type Column } from "./columns";
import { Drawing } from "./drawing";
import { headCells } from "./head";
import { stepped } from "./keys";
import { Newcomers } from "./newcomers";
import { Order, WITHIN_MS, moved } from "./order";
import { USUAL_BOARD, movedColumn, nextSort, rankedBy, shownColumns, titleOf, viewOf, type BoardSettings } from "./settings";
import { setupForm } from "./setup";
import { boardStyle } from "./style";
import { showWords } from "./words";

/** Rows beyond both edges, for who scrolls. */
const OVERSCAN = 1;
const FADE_MS = 180;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * `<mesh-board name="gainers">`: a live leaderboard of which only the visible rows exist.
 *
 * Values are shown with the next frame of the browser; `Order` says when rows change places.
 */
export class MeshBoard extends MeshWidget {
  static override styles = [sheet, boardStyle];
  static override properties = { name: { type: String } };

  /** The board, where nothing else is set. */
  declare name: string;

  #columns: Column[] = [];
  /** What the columns were made of. */
  #fitted: unknown[] = [];
  #parts: Record<string, HTMLElement> = {};
  #around: Surroundings | null = null;
  #order = new Order();
  #drawing = new Drawing();
  #body: Body | null = null;
  #newcomers = new Newcomers();
  #active = "";
  #rowHeight = 24;
  #frame = 0;
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
    if (this.hasUpdated) this.#sized.observe(this.#one(".scroll"));
    this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    appearance.removeEventListener("change", this.#onAppearance);
    this.#sized.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#fading || undefined);
    this.#order.stop();
    this.#drawing.stop();
    this.#fitted = [];
    this.#frame = this.#fading = 0;
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
    if (this.followed("board")?.feed !== feed) this.#order.shown = [];
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

  #hold(who: { pointer?: boolean; keys?: boolean }): void {
    this.#order.hold(who);
    this.#body?.settle();
    this.#request();
  }

  /** The table of the board; null before the first frame. */
  get #state(): TableState | null {
    const table = this.followed("board")?.table;
    return table?.head ? table : null;
  }

  #one<E extends HTMLElement>(selector: string): E {
    return (this.#parts[selector] ??= this.renderRoot.querySelector<E>(selector)!) as E;
  }

  #request(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.hasUpdated && this.isConnected) this.#show();
    });
  }

  #show(): void {
    const state = this.#state;
    if (state) {
      this.#fitColumns(state);
      this.#order.take(state.order, () => this.#request());
      if (performance.now() - this.#fadedAt > FADE_MS) this.#fade();
      this.#showRows(state);
      this.#fading ||= setTimeout(() => this.#fade(), FADE_MS + WITHIN_MS);
    }
    showWords((selector) => this.#one(selector), {
      board: this.board.board, state, isHeld: this.#order.isHeld,
      error: this.followed("board")?.error?.message, where: this.#taken?.view.where,
    });
  }

  #fade(): void {
    clearTimeout(this.#fading || undefined);
    this.#fadedAt = performance.now();
    this.#fading = this.#body?.fade() ? setTimeout(() => this.#fade(), FADE_MS + WITHIN_MS) : 0;
  }

  #fitColumns(state: TableState): void {
    const { board } = this;
    this.#around = {
      columns: this.#columns, places: placesOf(state), heat: board.heat,
      nowMs: tapeClock.now() ?? this.client.nowMs(),
      flashes: appearance.now.highlight !== "off" && !calm.matches,
    };
    const ranked = ranking(state, board.board);
    const fitted = [state.columns, this.settings, this.name, ranked];
    if (fitted.every((part, n) => part === this.#fitted[n])) return;
    this.#fitted = fitted;
    const columns = this.#around.columns = this.#columns = columnsOf(state, board, ranked);
    this.#order.shown = state.order;
    this.#body?.clear();
    this.#one("thead tr").replaceChildren(...headCells(columns, board.sort, {
      sort: (name) => this.change({ sort: nextSort(board.sort, name) }),
      resize: (name, width) => this.change({ widths: { ...board.widths, [name]: width } }),
      move: (name, by) => this.change({ columns: movedColumn(columns.map((column) => column.name), name, by) }),
    }));
    this.#drawing.keep(columns, () => ({ rows: this.#body?.rows ?? [], state: this.#state, nowMs: this.#around!.nowMs }));
    this.#one("table").style.width = `${126 + columns.reduce((sum, column) => sum + column.width, 0)}px`;
  }

  #showRows(state: TableState): void {
    const around = this.#around!;
    const { top, height } = this.#seen;
    const first = Math.max(0, Math.floor(top / this.#rowHeight) - OVERSCAN);
    const symbols = this.#order.shown.slice(first, Math.ceil((top + height) / this.#rowHeight) + OVERSCAN);
    const ranks = this.#order.isHeld ? new Map(state.order.map((symbol, n) => [symbol, n])) : null;
    const isNew = state.isRecalled ? () => false : this.#newcomers.among(state);
    this.#body ??= new Body(this.#one("table"));
    this.#body.place(symbols, first, this.#order.shown.length, this.#rowHeight, this.#columns).forEach((row, n) => {
      row.place(first + n, around.flashes);
      const { symbol } = row;
      row.show(state.rows.get(symbol), around, moved(first + n, ranks?.get(symbol)), isNew(symbol),
        symbol === this.symbol, this.#order.hasKeys && symbol === this.#active);
    });
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
    this.#active = stepped(event, this.#one(".scroll"), this.#order.shown, this.#active, this.#rowHeight) ?? this.#active;
    this.#request();
  };
}

customElements.define("mesh-board", MeshBoard);
