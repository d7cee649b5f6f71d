/** The newest bars as figures: for those who read rather than look. */

import { html, type TemplateResult } from "lit";
import { compact, price } from "../look/format";
import { isIntraday, type Bars, type Interval } from "./bars";
import { wallMs } from "./sessions";

const MOST = 200;
const options = { timeZone: "UTC", day: "2-digit", month: "short", hourCycle: "h23" } as const;
const TIME = new Intl.DateTimeFormat("en-GB", { ...options, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { ...options, year: "numeric" });

export function barTable(label: string, bars: Bars, interval: Interval): TemplateResult {
  const clock = isIntraday(interval) ? TIME : DATE;
  const { length } = bars.startMs;
  const places = Array.from({ length: Math.min(MOST, length) }, (_, n) => length - 1 - n);
  const { openUsd, highUsd, lowUsd, closeUsd, volumeShares } = bars;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${label}><table aria-label="${label}, newest first" aria-rowcount=${length + 1}>
    <thead><tr><th scope="col" class="left">Time (New York)</th>${["Open", "High", "Low", "Close", "Volume"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${places.map((at, n) => html`<tr aria-rowindex=${n + 2}><th scope="row" class="left">${clock.format(wallMs(bars.startMs[at]))}</th>
      <td>${price(openUsd[at])}</td><td>${price(highUsd[at])}</td><td>${price(lowUsd[at])}</td>
      <td class=${toneOf(openUsd[at], closeUsd[at])}>${price(closeUsd[at])}</td><td>${compact(volumeShares[at])}</td></tr>`)}</tbody>
  </table></div>`;
}

export function toneOf(beforeUsd: number, nowUsd: number): string {
  return nowUsd < beforeUsd ? "down" : nowUsd > beforeUsd ? "up" : "";
}
