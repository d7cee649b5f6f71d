/** What a chart computes, in one module: for the chart, and for pages that draw charts of their own. */

export { historyOf, intervalOf, INTERVALS, startOf } from "./bars";
export { Candles } from "./candles";
export { ema, macd, sma, vwap, vwma } from "./indicators";
export { dayOf, epochMs, sessionOf, wallMs } from "./sessions";
