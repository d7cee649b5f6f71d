import { css, html, type TemplateResult } from "lit";
import { HTTPS_ONLY, linked } from "../look/link";
import { sheet } from "../look/sheet";
import { Fact, type Told } from "./fact";
import { MeshFacts, factsStyle, table } from "./facts";

/** What is used of the answer of `/v1/filings/{symbol}`, newest first. */
interface Filings extends Told {
  rows: { day: string; form: string; impact: "high" | "medium" | "low"; issuer: string | null; index_url: string | null; text_url: string | null }[];
}

const DAY_MS = 86_400_000;

/** `<mesh-filings symbol="AAPL">`: what was filed with the SEC, newest first, with how likely it is to move the price. */
export class MeshFilings extends MeshFacts {
  static override styles = [sheet, factsStyle, css`
    th:nth-child(n), td:nth-child(n) { text-align: left; }
    td:last-child, th:last-child { text-align: right; }
    .form { display: inline-block; min-width: 62px; padding: 0 5px; border: 1px solid var(--line); border-radius: 3px; text-align: center; }
    .form[data-impact="high"] { border-color: var(--warn); color: var(--warn); font-weight: 600; }
    .form[data-impact="low"] { color: var(--faint); }
    [data-new] { color: var(--warn); }
  `];

  protected readonly choices = [{ name: "important", title: "Only forms that may move the price", usual: false }];
  #filings = new Fact<Filings>("filings", this.changed);
  protected readonly facts = [this.#filings];

  override get heading(): string {
    return this.symbol ? `Filings · ${this.symbol}` : "Filings";
  }

  protected body(): TemplateResult {
    return this.section("Filings", this.#filings, ({ rows }) => {
      const shown = this.chosen("important") ? rows.filter(({ impact }) => impact !== "low") : rows;
      if (!shown.length) return html`<p class="none">No form that may move the price</p>`;
      return table("Filings", ["Filed", "Form", "Impact", "Documents"], shown.map(({ day, form, impact, issuer, index_url, text_url }) => [
        html`<span ?data-new=${this.#daysSince(day) <= 1} title=${issuer ?? ""}>${day}</span>`,
        html`<span class="form" data-impact=${impact}>${form}</span>`,
        html`<span class="soft">${impact === "low" ? "" : impact}</span>`,
        html`${linked(index_url ? "index" : "", index_url, HTTPS_ONLY)} ${linked(text_url ? "text" : "", text_url, HTTPS_ONLY)}`,
      ]));
    });
  }

  #daysSince(day: string): number {
    return Math.floor((this.todayMs - Date.parse(day)) / DAY_MS);
  }
}

customElements.define("mesh-filings", MeshFilings);
