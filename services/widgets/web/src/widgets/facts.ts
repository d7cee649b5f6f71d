/** What widgets about a company share: they ask the vendor about their symbol, and say how it stands with each answer. */

import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { duration } from "../look/format";
import { sheet } from "../look/sheet";
import type { Condition } from "../share/condition";
import { tapeClock } from "../share/tape";
import type { Fact, Told } from "./fact";
import { symbolForm } from "./symbol-form";
import { MeshWidget } from "./widget";

/** An answer is from a cache if it is older, and that is said. */
const CACHED_MS = 60_000;
/** The service asks anew after a day at most: an older answer stands in for one that it did not get. */
const OLD_MS = 26 * 3_600_000;
const TICK_MS = 15_000;
const ROW = ["last_usd", "free_float_shares"];

export const factsStyle = css`
  .scroll { padding: 8px 10px 10px; overflow-wrap: anywhere; }
  section + section { margin-top: 12px; }
  h3 { display: flex; gap: 8px; color: var(--faint); font-size: 10.5px; font-weight: 600; letter-spacing: .05em; text-transform: uppercase; }
  h3 .age { margin-left: auto; font-weight: 400; letter-spacing: 0; text-transform: none; }
  .unseen { position: absolute; clip-path: inset(50%); }
  .age[data-old] { color: var(--warn); }
  .none { padding: 6px 0; color: var(--soft); }
  .trouble { margin-bottom: 6px; color: var(--warn); }
  .none::first-letter, .trouble::first-letter { text-transform: uppercase; }
  .skeleton { height: 48px; border-radius: 4px; background: linear-gradient(90deg, var(--line), var(--hover), var(--line)); opacity: .35; }
  .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 1px 18px; }
  .figures div { display: flex; justify-content: space-between; gap: 8px; }
  dt { color: var(--soft); }
  dd { text-align: right; }
  table { width: 100%; margin-top: 4px; }
  thead th { position: static; background: none; }
  th:first-child, td:first-child { padding-left: 0; text-align: left; }
  a { color: var(--accent); text-decoration: none; }
  a:hover { text-decoration: underline; }
`;

/** A setting that is on or off. */
export interface Choice {
  name: string;
  title: string;
  usual: boolean;
}

/** A widget about the company of its symbol: what it shows are sections, each of one `Fact`. */
export abstract class MeshFacts extends MeshWidget {
  static override styles = [sheet, factsStyle];

  /** All that is asked for. */
  protected abstract readonly facts: readonly Fact<Told>[];
  protected abstract readonly choices: readonly Choice[];
  #tick: ReturnType<typeof setInterval> | undefined;

  /** What is shown of a symbol. */
  protected abstract body(): TemplateResult;

  protected readonly changed = (): void => this.requestUpdate();

  override get condition(): Condition {
    const condition = super.condition;
    if (condition.tone === "bad" || condition.tone === "warn") return condition;
    const trouble = this.facts.map(({ trouble }) => trouble).find((text) => text !== null);
    return trouble ? { tone: "warn", word: "error", text: trouble } : condition;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#tick = setInterval(this.changed, TICK_MS);
    if (this.hasUpdated) this.#begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#tick);
    for (const fact of this.facts) fact.stop();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("symbol") || !this.hasUpdated) this.#begin();
  }

  #begin(): void {
    for (const fact of this.facts) fact.ask(this.symbol);
    if (this.symbol) this.follow("row", `row/${this.symbol}`, { columns: ROW, hz: 1 });
    else this.unfollow("row");
  }

  /** A figure of the symbol's row; null: unknown. */
  protected row(name: "last_usd" | "free_float_shares"): number | null {
    return (this.followed("row")?.table?.cell(this.symbol, name) ?? null) as number | null;
  }

  /** Today, as the tape has it. */
  protected get todayMs(): number {
    return tapeClock.now() ?? this.client.nowMs();
  }

  protected chosen(name: string): boolean {
    return Boolean(this.settings[name] ?? this.choices.find((choice) => choice.name === name)!.usual);
  }

  override render(): TemplateResult {
    if (this.isSettingUp) return this.#form();
    if (!this.symbol) return symbolForm("Choose a symbol in a linked widget, or type one", (symbol) => this.choose(symbol));
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${this.heading}>${this.body()}</div>`;
  }

  /** A part with what *fact* told, or in its place why there is nothing. */
  protected section<T extends Told>(title: string, fact: Fact<T>, draw: (told: T) => TemplateResult): TemplateResult {
    return html`<section aria-label=${title}><h3><span class=${this.facts.length > 1 ? "" : "unseen"}>${title}</span>${this.#age(fact)}</h3>${this.#drawn(fact, draw)}</section>`;
  }

  #drawn<T extends Told>({ stand }: Fact<T>, draw: (told: T) => TemplateResult): TemplateResult {
    switch (stand.kind) {
      case "told":
        return draw(stand.told);
      case "absent":
        return html`<p class="none">${stand.message}</p>`;
      case "failed":
      case "refused":
        return html`<p class="trouble" role="alert">${stand.message}</p><p>
          <button @click=${() => this.#begin()}>Try again</button></p>`;
      default:
        return html`<div class="skeleton" role="status" aria-label="Loading"></div>`;
    }
  }

  #age({ stand }: Fact<Told>): TemplateResult | typeof nothing {
    if (stand.kind !== "told") return nothing;
    const ageMs = this.client.nowMs() - stand.told.asof_ms;
    if (ageMs < CACHED_MS && !stand.trouble) return nothing;
    return html`<span class="age" ?data-old=${Boolean(stand.trouble) || ageMs > OLD_MS}>from cache, ${duration(Math.max(0, ageMs))} old${
      stand.trouble ? ` — ${stand.trouble}` : ""}</span>`;
  }

  #form(): TemplateResult {
    return html`<form class="settings" @submit=${(event: Event) => { event.preventDefault(); this.setUp(); }}>
      ${this.choices.map(({ name, title }) => html`<label><input type="checkbox" .checked=${this.chosen(name)}
        @change=${(event: Event) => this.change({ [name]: (event.target as HTMLInputElement).checked })}>${title}</label>`)}
      <p><button>Done</button></p></form>`;
  }
}

/** A list of what there is to say; what is unknown is left out. */
export function figures(pairs: [title: string, value: TemplateResult | string | 0 | false | null, about?: string][]): TemplateResult {
  return html`<dl class="figures">${pairs.map(([title, value, about]) => value
    ? html`<div title=${about ?? nothing}><dt>${title}</dt><dd>${value}</dd></div>` : nothing)}</dl>`;
}

export function table(label: string, titles: readonly string[], rows: readonly (string | TemplateResult)[][]): TemplateResult {
  return html`<table aria-label=${label}><thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table>`;
}
