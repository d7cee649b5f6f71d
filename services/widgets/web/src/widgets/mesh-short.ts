import { css, html, nothing, type TemplateResult } from "lit";
import { compact, percent, plain, share } from "../look/format";
import { sheet } from "../look/sheet";
import { Fact, type Told } from "./fact";
import { MeshFacts, factsStyle, figures, table } from "./facts";

/** The answer of `/v1/short-interest/{symbol}`, newest first. */
interface Interest extends Told {
  rows: { day: string; short_shares: number | null; average_volume_shares: number | null; days_to_cover: number | null }[];
}

/** What is used of the answer of `/v1/short-volume/{symbol}`, newest first. */
interface Volume extends Told {
  rows: { day: string; short_shares: number | null; total_shares: number | null; short_pct: number | null }[];
}

const MOST_SETTLEMENTS = 8;
const MOST_DAYS = 20;
const BARS = 60;

/** `<mesh-short symbol="AAPL">`: how much is sold short and how long buying it back takes, and how much of each day's volume was short. */
export class MeshShort extends MeshFacts {
  static override styles = [sheet, factsStyle, css`
    @container (min-width: 620px) {
      .both { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
      section + section { margin: 0; }
    }
    svg { display: block; width: 100%; height: 34px; margin: 5px 0 3px; border-bottom: 1px solid var(--line); }
    svg path { stroke: var(--accent); stroke-width: 2; vector-effect: none; }
    svg .half { stroke: var(--faint); stroke-width: .5; stroke-dasharray: 2; }
    .part { display: inline-block; width: 46px; height: 6px; margin-left: 6px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) calc(var(--at) * 1%), var(--line) 0); }
  `];

  protected readonly choices = [
    { name: "interest", title: "Short interest", usual: true },
    { name: "volume", title: "Short volume", usual: true },
  ];
  #interest = new Fact<Interest>("short-interest", this.changed);
  #volume = new Fact<Volume>("short-volume", this.changed);
  protected readonly facts = [this.#interest, this.#volume];

  override get heading(): string {
    return this.symbol ? `Short · ${this.symbol}` : "Short interest and volume";
  }

  protected body(): TemplateResult {
    return html`<div class="both">${this.chosen("interest") ? this.section("Short interest", this.#interest, (told) => this.#interestOf(told)) : nothing}
      ${this.chosen("volume") ? this.section("Short volume", this.#volume, (told) => volumeOf(told)) : nothing}</div>`;
  }

  #interestOf({ rows }: Interest): TemplateResult {
    const float = this.row("free_float_shares");
    const [newest] = rows;
    const moves = rows.map(({ short_shares }, n) => {
      const before = rows[n + 1]?.short_shares;
      return short_shares !== null && before ? 100 * (short_shares / before - 1) : null;
    });
    return html`${figures([
      ["Sold short", compact(newest.short_shares), `Shares on ${newest.day}`],
      ["Of the float", newest.short_shares !== null && float ? share((100 * newest.short_shares) / float) : null, "Shares sold short, of the free float"],
      ["Days to cover", plain(newest.days_to_cover), "Sold short over the average volume of a day"],
    ])}${table("Short interest", ["Settled", "Short", "Change", "Avg vol", "Days"], rows.slice(0, MOST_SETTLEMENTS).map((row, n) => [
      row.day, compact(row.short_shares), percent(moves[n]), compact(row.average_volume_shares), plain(row.days_to_cover),
    ]))}`;
  }
}

function volumeOf({ rows }: Volume): TemplateResult {
  const shown = rows.slice(0, BARS).reverse();
  const path = shown.map(({ short_pct }, n) => (short_pct ? `M${3 * n + 1.5} 100v${-short_pct}` : "")).join("");
  const latest = share(rows[0].short_pct);
  return html`<svg viewBox="0 0 ${3 * shown.length} 100" preserveAspectRatio="none" role="img"
      aria-label="Short part of the volume of ${shown.length} days, latest ${latest}"><path class="half" d="M0 50H999"></path><path d=${path}></path></svg>
    ${table("Short volume", ["Day", "Short", "Total", "Short part"], rows.slice(0, MOST_DAYS).map(({ day, short_shares, total_shares, short_pct }) => [
      day, compact(short_shares), compact(total_shares),
      html`${share(short_pct)}<i class="part" .style=${`--at: ${short_pct ?? 0}` as unknown as string}></i>`,
    ]))}`;
}

customElements.define("mesh-short", MeshShort);
