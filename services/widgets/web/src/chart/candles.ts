/** Candles: the vendor's history, and what the stream has added since, the candle that forms now at its end. */

import { isIntraday, noBars, startOf, type Bars, type History, type Interval } from "./bars";
import { numberOf, secondOf, type Second, type Sighting } from "./sighting";
import type { Cell } from "../wire/protocol";

/** Volume of the day at the end of a bar. */
interface Mark {
  endMs: number;
  day: Cell;
  shares: number;
}

/** Rows that are kept until there is a history to add them to. */
const MOST_EARLY = 600;

/**
 * The candles of one symbol and interval, continued by its rows.
 *
 * Trades come before the second bar that they are in, so the candle before the newest may still change; what belongs
 * to older ones is ignored, and comes with the next history. Volume is what the volume of the day has grown by: nothing
 * is counted twice, and what a slow browser was not told in between is not lost.
 */
export class Candles {
  readonly interval: Interval;
  bars: Bars = noBars();
  /** Until when the first history reaches, by the clock of the tape; null: none is here yet. */
  #asofMs: number | null = null;
  #early: Sighting[] = [];
  /** Candles from this place on are made or changed here. */
  #liveFrom = 0;
  #mark: Mark | null = null;
  /** Of the newest event. */
  #seenMs = 0;
  /** Of the newest price that was in no bar. */
  #tickMs = 0;

  constructor(interval: Interval) {
    this.interval = interval;
  }

  get length(): number {
    return this.bars.startMs.length;
  }

  /** Begin with a history, or take a newer one in; null: there is none, and candles are those of the stream alone. */
  load(history: History | null): void {
    const { bars: before } = this;
    const liveFrom = this.#liveFrom;
    this.bars = history ? copyOf(history.bars) : noBars();
    this.#liveFrom = Math.max(0, this.length - 1);
    if (this.#asofMs !== null) return this.#keep(before, liveFrom);
    // The tape may be older than the clock: then the history reaches to where the tape is.
    this.#asofMs = Math.min(history?.asofMs ?? 0, numberOf(this.#early.at(-1)?.event_ms ?? null) || Infinity);
    for (const row of this.#early) this.#fold(row);
    this.#early = [];
  }

  /** Take a row; the place of the first candle that it has changed, null if it has changed none. */
  take(row: Sighting): number | null {
    const eventMs = numberOf(row.event_ms);
    if (Number.isNaN(eventMs) || eventMs < this.#seenMs) return null;
    if (this.#asofMs === null) {
      if (this.#early.push(row) > MOST_EARLY) this.#early.shift();
      return null;
    }
    if (this.#seenMs === 0) this.#asofMs = Math.min(this.#asofMs, eventMs);
    return this.#fold(row);
  }

  #fold(row: Sighting): number | null {
    const eventMs = this.#seenMs = numberOf(row.event_ms);
    const second = secondOf(row);
    const places = [second && this.#takeSecond(row, second), this.#takePrice(row, eventMs, second)];
    const changed = places.filter((place) => place !== null);
    return changed.length ? Math.min(...changed) : null;
  }

  #takeSecond(row: Sighting, second: Second): number | null {
    const before = this.#mark;
    const grownShares = this.#note(row, second);
    if (second.endMs <= this.#asofMs!) return null;
    if (before && second.endMs <= before.endMs && !grownShares) return null; // it was here before
    const place = this.#place(second.startMs, second.openUsd);
    if (place === null) return null;
    const { bars } = this;
    if (second.startMs === bars.startMs[place]) bars.openUsd[place] = second.openUsd;
    this.#reach(place, second.highUsd, second.lowUsd);
    if (second.endMs > this.#tickMs || place < this.length - 1) bars.closeUsd[place] = second.closeUsd;
    if (this.interval.name === "1d") this.#beDay(row, place);
    else if (this.interval.ms <= second.endMs - second.startMs) this.#beSecond(second, place);
    else return this.#grow(second, grownShares, place, before);
    return place;
  }

  /** The newest price, of a trade that is in no bar yet. */
  #takePrice(row: Sighting, eventMs: number, second: Second | null): number | null {
    const lastUsd = numberOf(row.last_usd);
    if (Number.isNaN(lastUsd) || eventMs <= Math.max(this.#asofMs!, second?.endMs ?? 0)) return null;
    const place = this.#place(eventMs, lastUsd);
    if (place === null || place < this.length - 1) return null;
    this.#tickMs = eventMs;
    this.#reach(place, lastUsd, lastUsd);
    this.bars.closeUsd[place] = lastUsd;
    if (this.interval.name === "1d") this.#beDay(row, place);
    return place;
  }

  /** The place of the candle that holds *atMs*, made if it comes next; null if it is too old to change. */
  #place(atMs: number, openUsd: number): number | null {
    const startMs = startOf(this.interval, atMs);
    const { bars, length } = this;
    for (let place = length - 1; place >= Math.max(0, length - 2); place--) {
      if (!holds(this.interval, bars.startMs[place], startMs)) continue;
      this.#liveFrom = Math.min(this.#liveFrom, place);
      return place;
    }
    if (length && startMs < bars.startMs[length - 1]) return null;
    append(bars, startMs, openUsd);
    return length;
  }

  #reach(place: number, highUsd: number, lowUsd: number): void {
    this.bars.highUsd[place] = Math.max(this.bars.highUsd[place], highUsd);
    this.bars.lowUsd[place] = Math.min(this.bars.lowUsd[place], lowUsd);
  }

  /** A candle of a day is what the row says of the day. */
  #beDay(row: Sighting, place: number): void {
    const { bars } = this;
    bars.volumeShares[place] = Math.max(bars.volumeShares[place], numberOf(row.volume_shares) || 0);
    const [high, low, open] = [row.day_high_usd, row.day_low_usd, row.open_usd].map(numberOf);
    if (!Number.isNaN(high) && !Number.isNaN(low)) this.#reach(place, high, low);
    if (!Number.isNaN(open)) bars.openUsd[place] = open;
  }

  #beSecond({ volumeShares, vwapUsd }: Second, place: number): void {
    this.bars.volumeShares[place] = volumeShares;
    this.bars.vwapUsd[place] = vwapUsd;
  }

  /** Add what was traded since the second *before*; what is not of the candle's first second was of the candle before. */
  #grow(second: Second, grownShares: number, place: number, before: Mark | null): number {
    const { startMs } = this.bars;
    const isFirst = before !== null && before.endMs <= startMs[place];
    const ownShares = isFirst ? Math.min(grownShares, second.volumeShares) : grownShares;
    this.#add(place, ownShares, second.vwapUsd);
    if (ownShares === grownShares || place === 0 || before!.endMs <= startMs[place - 1]) return place;
    this.#add(place - 1, grownShares - ownShares, second.vwapUsd);
    return place - 1;
  }

  #add(place: number, shares: number, vwapUsd: number): void {
    const { volumeShares, vwapUsd: vwaps, closeUsd } = this.bars;
    const before = volumeShares[place];
    const usd = before > 0 ? before * (Number.isNaN(vwaps[place]) ? closeUsd[place] : vwaps[place]) : 0;
    volumeShares[place] = before + shares;
    if (before + shares > 0) vwaps[place] = (usd + shares * (Number.isNaN(vwapUsd) ? closeUsd[place] : vwapUsd)) / (before + shares);
  }

  /** Note the volume of the day at the end of *second*; what it has grown by since the note before. */
  #note(row: Sighting, second: Second): number {
    const before = this.#mark;
    if (before && second.endMs < before.endMs) return 0;
    const shares = numberOf(row.volume_shares);
    this.#mark = { endMs: second.endMs, day: row.trading_day, shares };
    const grown = before?.day === row.trading_day ? shares - before.shares : NaN;
    if (!Number.isNaN(grown)) return Math.max(0, grown);
    return before?.endMs === second.endMs ? 0 : second.volumeShares;
  }

  /** Of candles made here those that the history does not have yet, and what it knows less of than they do. */
  #keep(before: Bars, liveFrom: number): void {
    const { bars } = this;
    for (let at = liveFrom; at < before.startMs.length; at++) {
      const place = this.length - 1;
      if (place >= 0 && holds(this.interval, bars.startMs[place], startOf(this.interval, before.startMs[at]))) {
        this.#reach(place, before.highUsd[at], before.lowUsd[at]);
        if (before.volumeShares[at] < bars.volumeShares[place]) continue;
        for (const name of ["volumeShares", "vwapUsd", "closeUsd"] as const) bars[name][place] = before[name][at];
      } else if (place < 0 || before.startMs[at] > bars.startMs[place]) {
        for (const name of COLUMNS) bars[name].push(before[name][at]);
      }
    }
  }
}

const COLUMNS = ["startMs", "openUsd", "highUsd", "lowUsd", "closeUsd", "volumeShares", "vwapUsd"] as const;

function copyOf(bars: Bars): Bars {
  return Object.fromEntries(COLUMNS.map((name) => [name, bars[name].slice()])) as unknown as Bars;
}

function append(bars: Bars, startMs: number, usd: number): void {
  bars.startMs.push(startMs);
  for (const name of ["openUsd", "highUsd", "lowUsd", "closeUsd"] as const) bars[name].push(usd);
  bars.volumeShares.push(0);
  bars.vwapUsd.push(NaN);
}

/** Whether a candle of *candleMs* is that of *startMs*; the vendor may begin days and weeks at an hour of its own. */
function holds(interval: Interval, candleMs: number, startMs: number): boolean {
  return candleMs === startMs || (!isIntraday(interval) && startOf(interval, candleMs) === startMs);
}
