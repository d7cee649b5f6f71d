/** What a chart shows while it has no candles. */

import { html, type TemplateResult } from "lit";
import type { Interval } from "./bars";
import type { Outcome } from "./loader";

/** How it stands with the history. */
export type Stand = { kind: "none" } | { kind: "loading" } | { kind: "loaded" } | Exclude<Outcome, { kind: "loaded" }>;

export function inPlaceOfCandles(stand: Stand, symbol: string, interval: Interval, tryAgain: () => void): TemplateResult {
  switch (stand.kind) {
    case "none":
      return html`<p class="over">Choose a symbol in a linked widget, or type one above</p>`;
    case "loading":
      return html`<div class="over" role="status"><span class="spin"></span>Loading bars of ${interval.title} of ${symbol}…</div>`;
    case "loaded":
    case "absent":
      return html`<div class="over" role="status"><strong>No bars of ${symbol}</strong>${stand.kind === "absent" ? stand.message : ""}
        <span>The first trade begins the chart.</span></div>`;
    default:
      return html`<div class="over" role="alert"><strong>History cannot be shown</strong><span>${stand.message}</span>
        <button @click=${tryAgain}>Try again</button></div>`;
  }
}
