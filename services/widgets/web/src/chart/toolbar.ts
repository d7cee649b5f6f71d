/** The head of a chart: symbol, interval, how far back, and what is shown. */

import { html, type TemplateResult } from "lit";
import { INTERVALS, intervalOf } from "./bars";
import { daysOf, isShown, withStudy, type ChartSettings } from "./settings";
import { STUDIES } from "./studies";

export interface Toolbar {
  symbol: string;
  settings: ChartSettings;
  change: (changes: Partial<ChartSettings>) => void;
  choose: (symbol: string) => void;
  isTable: boolean;
  toggleTable: () => void;
}

const VWAP = STUDIES.find(({ id }) => id === "vwap")!;

export function toolbar({ symbol, settings, change, choose, isTable, toggleTable }: Toolbar): TemplateResult {
  const interval = intervalOf(settings.interval);
  const days = daysOf(settings, interval);
  const choices = [...new Set([...interval.choices, days])].sort((a, b) => a - b);
  const { volume, macd } = settings;
  const vwap = isShown(settings, VWAP);
  const take = (event: Event) => {
    event.preventDefault();
    choose(String(new FormData(event.target as HTMLFormElement).get("symbol") ?? "").trim().toUpperCase());
  };
  const quick = (title: string, isOn: boolean, act: () => void) =>
    html`<button aria-pressed=${String(isOn)} @click=${act}>${title}</button>`;
  return html`<div class="bar">
    <form @submit=${take}><input class="symbol" name="symbol" aria-label="Symbol" placeholder="Symbol" maxlength="20"
      autocomplete="off" spellcheck="false" .value=${symbol}></form>
    <div class="intervals" role="radiogroup" aria-label="Interval">${INTERVALS.map(({ name, title }) => html`<button role="radio"
      aria-checked=${String(name === interval.name)} title=${title} aria-label=${title}
      @click=${() => change({ interval: name, days: null })}>${name}</button>`)}</div>
    <select name="days" aria-label="Look back" title="Look back"
      @change=${(event: Event) => change({ days: Number((event.target as HTMLSelectElement).value) })}>
      ${choices.map((each) => html`<option value=${each} ?selected=${each === days}>${spanOf(each)}</option>`)}</select>
    <div class="quick" role="group" aria-label="Shown">${quick("Volume", volume, () => change({ volume: !volume }))}
      ${quick("VWAP", vwap, () => change(withStudy(settings, VWAP.id, { shown: !vwap })))}
      ${quick("MACD", macd, () => change({ macd: !macd }))}
      ${quick("Table", isTable, toggleTable)}</div>
  </div>`;
}

/** Days as people say them. */
function spanOf(days: number): string {
  if (days >= 365) return `${Math.round(days / 365)} y`;
  return days >= 30 ? `${Math.round(days / 30)} mo` : `${days} d`;
}
