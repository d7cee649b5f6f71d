/** What stands over the candles: the figures of the bar below the pointer, or of the newest. */

import { html, nothing, type TemplateResult } from "lit";
import { compact, countdown, percent, price } from "../look/format";
import type { Bars } from "./bars";
import type { Reading } from "./plot";
import { toneOf } from "./table";

export interface Legend {
  bars: Bars;
  place: number;
  readings: Reading[];
  /** Until the newest candle is over; null: not shown. */
  leftMs: number | null;
}

export function legend({ bars, place, readings, leftMs }: Legend): TemplateResult {
  const [open, high, low, close] = [bars.openUsd, bars.highUsd, bars.lowUsd, bars.closeUsd].map((column) => column[place]);
  const before = bars.closeUsd[place - 1] ?? open;
  const tone = toneOf(open, close);
  return html`<div class="legend" aria-hidden="true">
    <div class="line"><span><i>O</i> <b class=${tone}>${price(open)}</b></span><span><i>H</i> <b class=${tone}>${price(high)}</b></span>
      <span><i>L</i> <b class=${tone}>${price(low)}</b></span><span><i>C</i> <b class=${tone}>${price(close)}</b></span>
      <b class=${toneOf(before, close)}>${percent((close / before - 1) * 100)}</b>
      <span><i>Vol</i> ${compact(bars.volumeShares[place])}</span>
      ${leftMs === null ? nothing : html`<span class="left"><i>closes in</i> ${countdown(leftMs)}</span>`}</div>
    <div class="line studies">${readings.map(({ title, colour, value }) => html`
      <span .style=${`--colour: ${colour}` as unknown as string}><i>${title}</i> ${Number.isNaN(value) ? "–" : written(title, value)}</span>`)}</div>
  </div>`;
}

function written(title: string, value: number): string {
  if (title.includes("volume")) return compact(value);
  return value < 0 ? `−${price(-value)}` : price(value);
}
