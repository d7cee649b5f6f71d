import { css, html, nothing, type TemplateResult } from "lit";
import { sheet } from "../look/sheet";
import { Fact, type Told } from "./fact";
import { MeshFacts, factsStyle, table } from "./facts";

/** The answer of `/v1/splits/{symbol}`, newest first; those to come are among them. */
interface Splits extends Told {
  rows: { day: string; from_shares: number; to_shares: number; kind: string | null }[];
}

/** The answer of `/v1/ticker-events/{symbol}`, newest first. */
interface Events extends Told {
  name: string | null;
  rows: { day: string; kind: string; symbol: string | null }[];
}

const KINDS: Record<string, string> = { forward_split: "split", reverse_split: "reverse split", stock_dividend: "stock dividend" };

/** `<mesh-splits symbol="AAPL">`: splits of a stock, those to come too, and the symbols that it has had. */
export class MeshSplits extends MeshFacts {
  static override styles = [sheet, factsStyle, css`
    th:nth-child(2), td:nth-child(2) { text-align: left; }
    [data-kind="reverse_split"], .coming { color: var(--warn); }
  `];

  protected readonly choices = [
    { name: "splits", title: "Splits", usual: true },
    { name: "events", title: "Symbols", usual: true },
  ];
  #splits = new Fact<Splits>("splits", this.changed);
  #events = new Fact<Events>("ticker-events", this.changed);
  protected readonly facts = [this.#splits, this.#events];

  override get heading(): string {
    return this.symbol ? `Splits · ${this.symbol}` : "Splits and symbols";
  }

  protected body(): TemplateResult {
    const today = new Date(this.todayMs).toISOString().slice(0, 10);
    return html`${this.chosen("splits") ? this.section("Splits", this.#splits, ({ rows }) =>
      table("Splits", ["Day", "Shares", "Kind"], rows.map(({ day, from_shares, to_shares, kind }) => [
        day, html`<strong>${to_shares} for ${from_shares}</strong>`,
        html`<span data-kind=${kind ?? ""}>${KINDS[kind ?? ""] ?? kind ?? ""}</span>${day > today ? html` <span class="coming">to come</span>` : nothing}`,
      ]))) : nothing}
      ${this.chosen("events") ? this.section("Symbols", this.#events, ({ rows }) =>
        table("Symbols", ["From", "Traded as"], rows.map(({ day, symbol }) => [day, html`<strong>${symbol ?? "–"}</strong>`]))) : nothing}`;
  }
}

customElements.define("mesh-splits", MeshSplits);
