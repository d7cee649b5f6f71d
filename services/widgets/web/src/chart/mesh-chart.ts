import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { appearance } from "../look/settings";
import { sheet } from "../look/sheet";
import type { Condition } from "../share/condition";
import { tapeClock } from "../share/tape";
import type { Cell } from "../wire/protocol";
import { MeshWidget, type Settings } from "../widgets/widget";
import { INTERVALS, intervalOf, leftMs, type Interval, type Question } from "./bars";
import { Candles } from "./candles";
import { onKey } from "./keys";
import { legend } from "./legend";
import { levelsOf, type Extremes } from "./levels";
import { Loader, type Outcome } from "./loader";
import { paletteOf } from "./palette";
import type { Plot } from "./plot";
import { chartSettings, daysOf, partsOf, type ChartSettings } from "./settings";
import { setupForm } from "./setup";
import { ROW_FIELDS, numberOf, type Sighting } from "./sighting";
import { chartStyle } from "./style";
import { inPlaceOfCandles, type Stand } from "./stand";
import { barTable } from "./table";
import { toolbar } from "./toolbar";

const LEVEL_FIELDS = ["previous_close_usd", "session", "session_high_usd", "session_low_usd"] as const;
const COLUMNS = [...ROW_FIELDS, ...LEVEL_FIELDS];
const SECOND_MS = 1000;
/** Rows a second: second bars need no more, but trades between them do. */
const HZ = 5;
const UNKNOWN: Extremes = { highUsd: null, lowUsd: null };
/** Settings that another history is asked for, and those that the same is drawn otherwise for. */
const ASKED = ["interval", "days", "limit", "refresh"] as const;
const DRAWN = ["studies", "volume", "macd", "sessions", "hollow"] as const;

/** `<mesh-chart symbol="AAPL">`: candles of a symbol, its history and the candle that forms now. */
export class MeshChart extends MeshWidget {
  static override styles = [sheet, chartStyle];

  #loader = new Loader((outcome) => this.#onHistory(outcome));
  #candles = new Candles(INTERVALS[1]);
  #plot: Plot | null = null;
  #stand: Stand = { kind: "none" };
  #pre = UNKNOWN;
  #hovered: number | null = null;
  /** The first candle that is not drawn as it is. */
  #changedFrom: number | null = null;
  #frame = 0;
  #tick: ReturnType<typeof setInterval> | undefined;
  #isTable = false;
  #wasOpen = false;

  override get heading(): string {
    return this.symbol ? `Chart · ${this.symbol} · ${this.#interval.name}` : "Candlestick chart";
  }

  override get condition(): Condition {
    const condition = super.condition;
    const stand = this.#stand;
    if (!["good", "idle"].includes(condition.tone) || (stand.kind !== "failed" && stand.kind !== "refused")) return condition;
    return { tone: "warn", word: "error", text: `history is missing — ${stand.message}` };
  }

  get #settings(): ChartSettings {
    return chartSettings(this.settings);
  }

  get #interval(): Interval {
    return intervalOf(this.#settings.interval);
  }

  get #question(): Question {
    const settings = this.#settings;
    return { symbol: this.symbol, interval: this.#interval, days: daysOf(settings, this.#interval), limit: settings.limit };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    appearance.addEventListener("change", this.#restyle);
    this.client.addEventListener("status", this.#onStatus);
    this.#tick = setInterval(() => !document.hidden && this.requestUpdate(), SECOND_MS);
    if (!this.hasUpdated) return;
    this.#begin();
    void this.#draw();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    appearance.removeEventListener("change", this.#restyle);
    this.client.removeEventListener("status", this.#onStatus);
    clearInterval(this.#tick);
    this.#loader.stop();
    this.#plot?.remove();
    this.#plot = null;
  }

  protected override firstUpdated(): void {
    void this.#draw();
  }

  /** Make the chart, of a module that is loaded only now. */
  async #draw(): Promise<void> {
    const { Plot } = await import("./plot");
    if (!this.isConnected || this.#plot) return;
    const place = this.renderRoot.querySelector<HTMLElement>(".plot")!;
    this.#plot = new Plot(place, partsOf(this.#settings), paletteOf(this), (hovered) => {
      this.#hovered = hovered;
      this.redraw();
    });
    if (this.#stand.kind !== "none" && this.#stand.kind !== "loading") this.#show();
  }

  protected override willUpdate(changed: PropertyValues): void {
    const before = chartSettings((changed.get("settings") ?? {}) as Settings);
    const now = this.#settings;
    const differs = (name: keyof ChartSettings) => changed.has("settings") && JSON.stringify(before[name]) !== JSON.stringify(now[name]);
    if (changed.has("symbol") || !this.hasUpdated || ASKED.some(differs)) this.#begin();
    else if (DRAWN.some(differs)) this.#restyle();
    if (differs("levels")) this.#showLevels();
  }

  /** Another symbol or interval: forget the candles, and ask for others. */
  #begin(): void {
    this.#candles = new Candles(this.#interval);
    this.#pre = UNKNOWN;
    this.#hovered = this.#changedFrom = null;
    this.#plot?.clear();
    this.#restyle();
    if (!this.symbol) {
      this.#stand = { kind: "none" };
      this.#loader.stop();
      this.unfollow("row");
      return;
    }
    this.#stand = { kind: "loading" };
    this.follow("row", `row/${this.symbol}`, { columns: COLUMNS, hz: HZ }, () => this.#onRow());
    this.#onRow();
    this.#reload();
  }

  #reload(): void {
    void this.#loader.ask(this.#question, this.#settings.refresh);
  }

  #onHistory(outcome: Outcome): void {
    const isFirst = this.#stand.kind === "loading";
    const isLoaded = outcome.kind === "loaded";
    if (isLoaded || isFirst) this.#candles.load(isLoaded ? outcome.history : null);
    this.#stand = outcome.kind === "loaded" ? { kind: "loaded" } : outcome;
    this.#changedFrom = null;
    this.#show(isFirst);
    this.requestUpdate();
    if (outcome.kind !== "loaded") return;
    const candles = this.#candles;
    const nowMs = numberOf(this.#cell("event_ms")) || outcome.history.bars.startMs.at(-1) || 0;
    void this.#loader.preMarket(this.#question, outcome.history, nowMs).then((pre) => {
      if (candles !== this.#candles) return;
      this.#pre = pre;
      this.#showLevels();
    });
  }

  #onRow(): void {
    const table = this.followed("row")?.table;
    if (!table?.rows.has(this.symbol)) return this.redraw();
    const row = Object.fromEntries(ROW_FIELDS.map((name) => [name, table.cell(this.symbol, name)])) as Sighting;
    const place = this.#candles.take(row);
    if (place === null) return;
    this.#changedFrom = Math.min(place, this.#changedFrom ?? place);
    this.#frame ||= requestAnimationFrame(() => this.#drawChanges());
  }

  #drawChanges(): void {
    this.#frame = 0;
    if (this.#changedFrom === null || !this.#plot || !this.isConnected) return;
    if (this.#plot.isClear) this.#show(true);
    else this.#plot.update(this.#changedFrom);
    this.#changedFrom = null;
    this.#showLevels();
    this.redraw();
  }

  #show(isOther = true): void {
    if (!this.#plot || !this.#candles.length) return;
    this.#plot.show(this.#candles.bars, isOther);
    this.#showLevels();
    this.redraw();
  }

  #showLevels(): void {
    if (!this.#plot || this.#plot.isClear) return;
    const known = (name: string) => (numberOf(this.#cell(name)) || null);
    this.#plot.showLevels(!this.#settings.levels ? [] : levelsOf({
      dayHighUsd: known("day_high_usd"), dayLowUsd: known("day_low_usd"), previousCloseUsd: known("previous_close_usd"),
      session: this.#cell("session") as string | null,
      sessionHighUsd: known("session_high_usd"), sessionLowUsd: known("session_low_usd"),
    }, this.#pre));
  }

  #cell(name: string): Cell {
    return this.followed("row")?.table?.cell(this.symbol, name) ?? null;
  }

  readonly #restyle = (): void => {
    this.#plot?.configure(partsOf(this.#settings), paletteOf(this));
    this.#showLevels();
  };

  /** What was traded while there was no connection is in the history. */
  readonly #onStatus = (): void => {
    const isOpen = this.client.phase === "open";
    if (isOpen && !this.#wasOpen && this.#stand.kind !== "none" && this.#stand.kind !== "loading") this.#reload();
    this.#wasOpen = isOpen;
  };

  override render(): TemplateResult {
    const isBad = ["bad", "warn"].includes(this.condition.tone);
    const change = (changes: Partial<ChartSettings>) => this.change(changes);
    return html`${toolbar({
      symbol: this.symbol, settings: this.#settings, change, choose: (symbol) => this.#chooseHere(symbol),
      isTable: this.#isTable, toggleTable: () => this.#toggleTable(),
    })}
      <div class="stage" tabindex="0" role="application" aria-roledescription="chart" ?data-empty=${!this.#candles.length} ?data-dim=${isBad && this.condition.word !== "error"}
          aria-label=${`${this.heading}. Arrows move, plus and minus zoom, End shows the newest, T the figures.`}
          @keydown=${(event: KeyboardEvent) => onKey(event, this.#plot, () => this.#toggleTable())}>
        <div class="plot"></div>
        ${this.#legend()}
        ${this.#candles.length ? nothing : inPlaceOfCandles(this.#stand, this.symbol, this.#interval, () => this.#tryAgain())}
        ${isBad && this.#candles.length ? html`<span class="badge" role="status" title=${this.condition.text}>${this.condition.text}</span>` : nothing}
        ${this.#plot && !this.#plot.isClear && !this.#plot.isAtNewest
          ? html`<button class="newest" title="To the newest candle (End)" @click=${() => { this.#plot!.toNewest(); this.redraw(); }}>newest →</button>` : nothing}
        <a class="credit" href="https://www.tradingview.com/" target="_blank" rel="noopener noreferrer"
          title="Lightweight Charts™, copyright TradingView, Inc.">Charts by TradingView</a>
        ${this.#isTable && this.symbol ? html`<div class="sheet">${barTable(this.heading, this.#candles.bars, this.#interval)}</div>` : nothing}
        ${this.isSettingUp ? html`<div class="sheet">${setupForm({
          settings: this.#settings, change, done: () => this.setUp(),
        })}</div>` : nothing}
      </div>`;
  }

  #legend(): TemplateResult | typeof nothing {
    const { bars, length } = this.#candles;
    if (!length || !this.#plot || this.#plot.isClear) return nothing;
    const hovered = this.#hovered !== null && this.#hovered >= 0 && this.#hovered < length ? this.#hovered : null;
    const now = tapeClock.now();
    const place = hovered ?? length - 1;
    const left = hovered === null && now !== null && this.#interval.ms < 86_400_000 && this.#interval.ms > SECOND_MS ? leftMs(this.#interval, now) : null;
    return legend({ bars, place, readings: this.#plot.readingsAt(place), leftMs: left });
  }

  #toggleTable(): void {
    this.#isTable = !this.#isTable;
    this.requestUpdate();
  }

  #tryAgain(): void {
    this.#stand = { kind: "loading" };
    this.#reload();
    this.requestUpdate();
  }

  #chooseHere(symbol: string): void {
    if (symbol && symbol !== this.symbol) this.choose(symbol);
    this.renderRoot.querySelector<HTMLElement>(".stage")!.focus();
  }
}

customElements.define("mesh-chart", MeshChart);
