/**
 * Indicators over columns of bars, in one pass. NaN is a value that there is none of yet.
 *
 * Each takes the column that it made before, and the place from which bars have changed since: what is before it stays
 * and is built upon, so that a bar that forms costs a step and not the whole history.
 */

import type { Bars } from "./bars";
import { dayOf } from "./sessions";

/** The mean of the last *n* values. */
export function sma(values: readonly number[], n: number, out: number[] = [], from = 0): number[] {
  out.length = values.length;
  slide(values.length, n, from, (at) => values[at], (at, sum) => { out[at] = at >= n - 1 ? sum / n : NaN; });
  return out;
}

/** The exponential mean; it begins with the mean of the first *n* values from *first* on. */
export function ema(values: readonly number[], n: number, out: number[] = [], from = 0, first = 0): number[] {
  out.length = values.length;
  const share = 2 / (n + 1);
  const seed = first + n - 1;
  for (let at = from; at < values.length; at++) {
    if (at < seed) out[at] = NaN;
    else if (at === seed) out[at] = mean(values, first, at + 1);
    else out[at] = out[at - 1] + share * (values[at] - out[at - 1]);
  }
  return out;
}

/** The mean of the last *n* closes, each by its volume; none where nothing was traded. */
export function vwma({ closeUsd, volumeShares }: Bars, n: number, out: number[] = [], from = 0): number[] {
  const { length } = closeUsd;
  out.length = length;
  const shares: number[] = [];
  slide(length, n, from, (at) => volumeShares[at], (at, sum) => { shares[at - from] = sum; });
  const traded: number[] = []; // in bars: what is left of a sum of shares after rounding is no volume
  slide(length, n, from, (at) => Number(volumeShares[at] > 0), (at, sum) => { traded[at - from] = sum; });
  slide(length, n, from, (at) => closeUsd[at] * volumeShares[at], (at, usd) => {
    out[at] = at >= n - 1 && traded[at - from] > 0 ? usd / shares[at - from] : NaN;
  });
  return out;
}

/** The average price of the trading day so far, by volume; from *from* on, it looks back to the beginning of that day. */
export function vwap(bars: Bars, out: number[] = [], from = 0): number[] {
  const { startMs, volumeShares } = bars;
  out.length = startMs.length;
  let first = from;
  while (first > 0 && from < startMs.length && dayOf(startMs[first - 1]) === dayOf(startMs[from])) first--;
  let day = NaN;
  let usd = 0;
  let shares = 0;
  for (let at = first; at < startMs.length; at++) {
    if (dayOf(startMs[at]) !== day) [day, usd, shares] = [dayOf(startMs[at]), 0, 0];
    usd += volumeShares[at] * worthUsd(bars, at);
    shares += volumeShares[at];
    if (at >= from) out[at] = shares > 0 ? usd / shares : NaN;
  }
  return out;
}

/** What a share of a bar was worth on the average; where the vendor does not say, the middle of its prices. */
function worthUsd({ highUsd, lowUsd, closeUsd, vwapUsd }: Bars, at: number): number {
  return Number.isNaN(vwapUsd[at]) ? (highUsd[at] + lowUsd[at] + closeUsd[at]) / 3 : vwapUsd[at];
}

export interface Macd {
  fast: number[];
  slow: number[];
  /** Fast less slow. */
  line: number[];
  /** The exponential mean of the line. */
  signal: number[];
  /** Line less signal. */
  histogram: number[];
}

const FAST = 12;
const SLOW = 26;
const SIGNAL = 9;

export function noMacd(): Macd {
  return { fast: [], slow: [], line: [], signal: [], histogram: [] };
}

/** Moving average convergence and divergence, 12, 26 and 9 bars. */
export function macd(values: readonly number[], out: Macd = noMacd(), from = 0): Macd {
  ema(values, FAST, out.fast, from);
  ema(values, SLOW, out.slow, from);
  out.line.length = out.histogram.length = values.length;
  for (let at = from; at < values.length; at++) out.line[at] = out.fast[at] - out.slow[at];
  ema(out.line, SIGNAL, out.signal, from, SLOW - 1);
  for (let at = from; at < values.length; at++) out.histogram[at] = out.line[at] - out.signal[at];
  return out;
}

/** Gives the sum of the last *n* terms at each place from *from* on; it is summed anew every *n* places, so that rounding stays small. */
function slide(length: number, n: number, from: number, term: (at: number) => number, give: (at: number, sum: number) => void): void {
  let sum = 0;
  for (let at = from; at < length; at++) {
    if (at === from || at % n === 0) {
      sum = 0;
      for (let each = Math.max(0, at - n + 1); each <= at; each++) sum += term(each);
    } else sum += term(at) - (at >= n ? term(at - n) : 0);
    give(at, sum);
  }
}

function mean(values: readonly number[], from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum += values[at];
  return sum / (to - from);
}
