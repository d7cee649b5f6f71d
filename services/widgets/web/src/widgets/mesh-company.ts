import { css, html, nothing, type TemplateResult } from "lit";
import { compact, count } from "../look/format";
import { linked } from "../look/link";
import { sheet } from "../look/sheet";
import { Fact, type Told } from "./fact";
import { MeshFacts, factsStyle, figures } from "./facts";
import { Logo } from "./logo";

/** The answer of `/v1/company/{symbol}`. */
interface Company extends Told {
  name: string | null;
  description: string | null;
  homepage_url: string | null;
  logo: string | null;
  icon: string | null;
  exchange: string | null;
  kind: string | null;
  industry: string | null;
  listed_day: string | null;
  market_cap_usd: number | null;
  shares_outstanding: number | null;
  employees: number | null;
  phone: string | null;
  city: string | null;
  state: string | null;
  cik: string | null;
  figi: string | null;
}

const EXCHANGES: Record<string, string> = {
  XNAS: "Nasdaq", XNYS: "NYSE", ARCX: "NYSE Arca", XASE: "NYSE American", BATS: "Cboe BZX", IEXG: "IEX",
};
const KINDS: Record<string, string> = {
  CS: "Common stock", PFD: "Preferred stock", WARRANT: "Warrant", RIGHT: "Right", UNIT: "Unit", FUND: "Fund",
  ADRC: "Depositary receipt", OS: "Ordinary share",
};

/** `<mesh-company symbol="AAPL">`: who is behind a symbol, and how much of it there is. */
export class MeshCompany extends MeshFacts {
  static override styles = [sheet, factsStyle, css`
    .head { display: flex; align-items: center; gap: 10px; margin-bottom: 8px; }
    .head img, .tile { flex: none; max-width: 120px; height: 34px; padding: 3px; border-radius: 6px; background: #fff; object-fit: contain; }
    .tile { display: grid; min-width: 34px; place-items: center; background: var(--raised); color: var(--soft); font-weight: 650; }
    strong { display: block; font-size: 15px; line-height: 1.25; }
    .about { margin-top: 10px; color: var(--soft); line-height: 1.5; }
    .industry::first-letter { text-transform: uppercase; }
  `];

  protected readonly choices = [
    { name: "description", title: "What the company does", usual: true },
    { name: "details", title: "Address and identifiers", usual: true },
  ];
  #company = new Fact<Company>("company", () => this.#onCompany());
  protected readonly facts = [this.#company];
  #logo = new Logo(this.changed);

  override get heading(): string {
    return this.symbol ? `Company · ${this.symbol}` : "Company";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#logo.show(null);
  }

  #onCompany(): void {
    const { told } = this.#company;
    this.#logo.show(told?.logo ?? told?.icon ?? null);
    this.requestUpdate();
  }

  protected body(): TemplateResult {
    return this.section("Company", this.#company, (company) => this.#card(company));
  }

  #card(company: Company): TemplateResult {
    const { symbol, name, exchange, kind, industry, description } = company;
    const placed = [exchange && (EXCHANGES[exchange] ?? exchange), kind && (KINDS[kind] ?? kind)].filter(Boolean).join(" · ");
    return html`<div class="head">
        ${this.#logo.address ? html`<img src=${this.#logo.address} alt="">` : html`<span class="tile" aria-hidden="true">${symbol.slice(0, 2)}</span>`}
        <div><strong>${name ?? symbol}</strong><span class="soft">${placed}</span>
          ${industry ? html`<div class="faint industry">${industry.toLowerCase()}</div>` : nothing}</div></div>
      ${this.#figures(company)}
      ${description && this.chosen("description") ? html`<p class="about">${description}</p>` : nothing}`;
  }

  #figures({ market_cap_usd, shares_outstanding, employees, listed_day, homepage_url, phone, city, state, cik, figi }: Company): TemplateResult {
    const [last, float] = [this.row("last_usd"), this.row("free_float_shares")];
    const cap = last !== null && shares_outstanding ? last * shares_outstanding : market_cap_usd;
    const more = this.chosen("details");
    return figures([
      ["Market cap", cap && `$${compact(cap)}`, cap === market_cap_usd ? "As the vendor has it" : "Shares outstanding at the last price"],
      ["Shares out", shares_outstanding && compact(shares_outstanding), "Shares outstanding"],
      ["Float", float && `${compact(float)}${shares_outstanding ? ` · ${Math.round((100 * float) / shares_outstanding)}%` : ""}`,
        "Free float, and its part of the shares outstanding"],
      ["Employees", employees && count(employees)],
      ["Listed", listed_day],
      ["Site", homepage_url && linked(homepage_url.replace(/^https?:\/\/(www\.)?|\/$/g, ""), homepage_url)],
      ["Seat", more && [city, state].filter(Boolean).join(", ")],
      ["Phone", more && phone],
      ["CIK", more && cik],
      ["FIGI", more && figi],
    ]);
  }
}

customElements.define("mesh-company", MeshCompany);
