/** What widgets compute and write, in one module: for pages that have widgets of their own. */

export { historyOf, intervalOf, INTERVALS, startOf } from "./chart/bars";
export { Candles } from "./chart/candles";
export { ema, macd, sma, vwap, vwma } from "./chart/indicators";
export { dayOf, epochMs, sessionOf, wallMs } from "./chart/sessions";
export { compact, duration, percent, price } from "./look/format";
