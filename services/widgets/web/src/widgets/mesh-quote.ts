import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { FIELDS, fieldOf, signOf } from "../look/fields";
import { duration, percent, price, session, signedPrice } from "../look/format";
import { sheet } from "../look/sheet";
import type { Cell } from "../wire/protocol";
import { tapeClock } from "../share/tape";
import "./mesh-company";
import "./mesh-filings";
import "./mesh-short";
import "./mesh-splits";
import { symbolForm } from "./symbol-form";
import { MeshWidget } from "./widget";

const GROUPS: [title: string, fields: string[]][] = [
  ["Today", ["open_usd", "day_high_usd", "day_low_usd", "vwap_usd", "gap_pct", "change_open_pct", "vwap_distance_pct", "day_range_pct"]],
  ["Volume", ["volume_shares", "relative_volume", "average_volume_shares", "dollar_volume_usd", "free_float_shares", "float_rotation"]],
  ["Session", ["session_high_usd", "session_low_usd", "session_vwap_usd", "session_volume_shares"]],
  ["Previous day", ["previous_open_usd", "previous_high_usd", "previous_low_usd", "previous_close_usd", "previous_volume_shares", "previous_vwap_usd"]],
  ["Tape", ["bid_usd", "ask_usd", "bid_shares", "ask_shares", "spread_pct", "trades_1m", "volume_1m_shares", "change_5m_pct", "momentum"]],
  ["Range", ["atr_usd", "atr_multiple", "high_days", "low_days", "block_usd", "block_ms"]],
];
const MINI = ["open_usd", "vwap_usd", "volume_shares", "relative_volume", "free_float_shares", "change_open_pct"];
const PARTS = { figures: "Figures", company: "Company", short: "Short", filings: "Filings", splits: "Splits" };
const HEAD = ["last_usd", "change_usd", "change_pct", "session", "event_ms", "halt", "news_ms", "day_high_usd", "day_low_usd", "bid_usd", "ask_usd", "bid_shares", "ask_shares"];

/** `<mesh-quote symbol="AAPL">`: all figures of a symbol and what is known of its company, or the few figures of the mini one. */
export class MeshQuote extends MeshWidget {
  static override styles = [sheet, css`
    .whole { display: flex; flex-direction: column; height: 100%; }
    .still { padding: 8px 10px 4px; }
    .scroll { flex: 1; min-height: 0; padding: 0 10px 8px; }
    .part { flex: 1; min-height: 0; border-top: 1px solid var(--line); }
    nav { display: flex; flex-wrap: wrap; gap: 3px; margin-top: 6px; }
    nav button { padding: 0 5px; background: none; font-size: 11px; }
    .top { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; }
    .top strong { font-size: 17px; letter-spacing: .01em; }
    .last { font-size: 22px; font-weight: 650; }
    .moves { display: flex; gap: 8px; font-size: 13.5px; font-weight: 600; }
    .asof { margin-left: auto; color: var(--faint); font-size: 11px; }
    .halt { padding: 1px 7px; border-radius: 4px; background: var(--warn); color: #14100a; font-size: 11px; font-weight: 700; }
    .range { position: relative; height: 4px; margin: 8px 0 2px; border-radius: 2px; background: var(--line); }
    .range i { position: absolute; top: -3px; width: 2px; height: 10px; margin-left: -1px; background: var(--text); left: calc(var(--at, 0) * 1%); }
    .ends { display: flex; justify-content: space-between; color: var(--faint); font-size: 10.5px; }
    .groups { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 8px 18px; margin-top: 4px; }
    h3 { margin-bottom: 2px; color: var(--faint); font-size: 10.5px; font-weight: 600; letter-spacing: .05em; text-transform: uppercase; }
    dl { display: grid; grid-template-columns: 1fr auto; gap: 1px 8px; }
    dt { color: var(--soft); }
    dd { text-align: right; }
  `];

  override get heading(): string {
    return this.symbol ? `Quote · ${this.symbol}` : "Quote";
  }

  get #isMini(): boolean {
    return this.settings.size === "mini";
  }

  override setUp(): void {
    this.change({ size: this.#isMini ? "full" : "mini" });
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("symbol") && !changed.has("settings") && this.followed("row")) return;
    if (!this.symbol) return this.unfollow("row");
    const shown = this.#isMini ? MINI : GROUPS.flatMap(([, fields]) => fields);
    this.follow("row", `row/${this.symbol}`, { columns: [...new Set([...HEAD, ...shown])], hz: 4 });
  }

  override render(): TemplateResult {
    if (!this.symbol) return symbolForm("Choose a symbol in a linked widget, or type one", (symbol) => this.choose(symbol));
    const row = this.followed("row");
    const part = this.#isMini ? "figures" : String(this.settings.part ?? "figures");
    if (!row?.table?.head && part === "figures") return html`<p class="empty">${row?.error?.message ?? "Loading…"}</p>`;
    const isKnown = row?.table?.rows.has(this.symbol) ?? false;
    const cell = (name: string) => row!.table!.cell(this.symbol, name);
    return html`<div class="whole"><div class="still">
        ${isKnown ? [this.#top(cell), this.#range(cell)] : html`<div class="top"><strong>${this.symbol}</strong></div>`}
        ${this.#isMini ? nothing : html`<nav aria-label="Parts">${Object.entries(PARTS).map(([name, title]) => html`
          <button aria-pressed=${String(name === part)} @click=${() => this.change({ part: name })}>${title}</button>`)}</nav>`}</div>
      ${part !== "figures" ? html`<div class="part">${this.#part(part)}</div>`
        : isKnown ? this.#figures(cell) : symbolForm(`Nothing is known of ${this.symbol} today`, (symbol) => this.choose(symbol))}
    </div>`;
  }

  #figures(cell: (name: string) => Cell): TemplateResult {
    const groups = this.#isMini ? [["", MINI] as const] : GROUPS;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${this.heading}>
      <div class="groups">${groups.map(([title, fields]) => figures(title, fields, cell))}</div></div>`;
  }

  /** A widget of its own, with the settings of this one. */
  #part(name: string): TemplateResult | typeof nothing {
    const { symbol, settings } = this;
    switch (name) {
      case "company": return html`<mesh-company .symbol=${symbol} .settings=${settings}></mesh-company>`;
      case "short": return html`<mesh-short .symbol=${symbol} .settings=${settings}></mesh-short>`;
      case "filings": return html`<mesh-filings .symbol=${symbol} .settings=${settings}></mesh-filings>`;
      case "splits": return html`<mesh-splits .symbol=${symbol} .settings=${settings}></mesh-splits>`;
      default: return nothing;
    }
  }

  #top(cell: (name: string) => Cell): TemplateResult {
    const sign = signOf(cell("change_pct"));
    const halt = cell("halt");
    const eventMs = cell("event_ms");
    const now = tapeClock.now();
    const age = typeof eventMs === "number" && now ? `${duration(Math.max(0, now - eventMs))} ago` : "";
    return html`<div class="top"><strong>${this.symbol}</strong>
      <span class="last">${price(cell("last_usd") as number | null)}</span>
      <span class="moves ${sign}"><span>${signedPrice(cell("change_usd") as number | null)}</span>
        <span>${percent(cell("change_pct") as number | null)}</span></span>
      ${halt === "paused" || halt === "limit" ? html`<span class="halt">${halt === "paused" ? "PAUSED" : "AT BAND"}</span>` : nothing}
      <span class="asof">${session(String(cell("session") ?? ""))} · ${age}</span></div>`;
  }

  #range(cell: (name: string) => Cell): TemplateResult | typeof nothing {
    const [low, high, last] = ["day_low_usd", "day_high_usd", "last_usd"].map((name) => cell(name) as number | null);
    if (low === null || high === null || last === null || high <= low) return nothing;
    const at = Math.min(100, Math.max(0, ((last - low) / (high - low)) * 100));
    return html`<div class="range" role="img" aria-label="${at.toFixed(0)} percent of the range of the day">
      <i .style=${`--at: ${at.toFixed(1)}` as unknown as string}></i></div>
      <div class="ends"><span>${price(low)}</span><span>range of the day</span><span>${price(high)}</span></div>`;
  }
}

function figures(title: string, fields: string[], cell: (name: string) => Cell): TemplateResult {
  return html`<section>${title ? html`<h3>${title}</h3>` : nothing}<dl>${fields.map((name) => {
    const field = fieldOf(name);
    const value = cell(name);
    return html`<dt title=${FIELDS.get(name)?.about ?? name}>${field.title}</dt>
      <dd class=${field.signed ? signOf(value) : ""}>${field.text(value)}</dd>`;
  })}</dl></section>`;
}

customElements.define("mesh-quote", MeshQuote);
