/** The settings of a chart, as a form. */

import { html, type TemplateResult } from "lit";
import { MOST_BARS, colourOf, isShown, withStudy, type ChartSettings } from "./settings";
import { LINES } from "./studies";

export interface Setup {
  settings: ChartSettings;
  change: (changes: Partial<ChartSettings>) => void;
  done: () => void;
}

const SWITCHES: [name: "volume" | "macd" | "levels" | "sessions" | "hollow" | "refresh", title: string][] = [
  ["volume", "Volume"],
  ["macd", "MACD 12, 26, 9"],
  ["levels", "High, low, pre-market, previous close"],
  ["sessions", "Shade pre-market and after hours"],
  ["hollow", "Rising candles hollow"],
  ["refresh", "Fetch history anew every minute"],
];

export function setupForm({ settings, change, done }: Setup): TemplateResult {
  const checked = (event: Event) => (event.target as HTMLInputElement).checked;
  return html`<form class="settings" @submit=${(event: Event) => { event.preventDefault(); done(); }}>
    <h3>Lines</h3>
    <div class="fields">${LINES.map((study) => html`<label>
      <input type="checkbox" name=${study.id} .checked=${isShown(settings, study)}
        @change=${(event: Event) => change(withStudy(settings, study.id, { shown: checked(event) }))}><span>${study.title}</span>
      <input type="color" aria-label="Colour of ${study.title}" .value=${colourOf(settings, study)}
        @change=${(event: Event) => change(withStudy(settings, study.id, { colour: (event.target as HTMLInputElement).value }))}>
    </label>`)}</div>
    <h3>Parts</h3>
    <div class="fields wide">${SWITCHES.map(([name, title]) => html`<label>
      <input type="checkbox" name=${name} .checked=${settings[name]} @change=${(event: Event) => change({ [name]: checked(event) })}>
      <span>${title}</span></label>`)}
      <label><span>Bars, at most</span><input type="number" name="limit" min="1" max=${MOST_BARS} .value=${String(settings.limit)}
        @change=${(event: Event) => change({ limit: bounded(Number((event.target as HTMLInputElement).value)) })}></label></div>
    <p><button type="submit">Done</button>
      <button type="button" @click=${() => change({ studies: {} })}>Usual lines</button></p>
    <p class="notice">TradingView Lightweight Charts™, copyright TradingView, Inc.
      <a href="https://www.tradingview.com/" target="_blank" rel="noopener noreferrer">www.tradingview.com</a></p>
  </form>`;
}

function bounded(limit: number): number {
  return Math.min(MOST_BARS, Math.max(1, Math.round(limit) || 5000));
}
