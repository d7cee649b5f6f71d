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

/** Marks that are kept, to find what was traded since a history was told: some minutes. */
const MOST_MARKS = 600;

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
  /** When the first history was told; null: none is here yet. */
  #asofMs: number | null = null;
  /** Candles from this place on are made or changed here. */
  #liveFrom = 0;
  #marks: Mark[] = [];
  #last: Sighting | null = null;
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
    if (this.#asofMs === null) this.#begin(history?.asofMs ?? 0);
    else this.#keep(before, liveFrom);
    const last = this.#last;
    this.#last = null;
    if (last) this.take(last);
  }

  /** Take a row; the place of the first candle that it has changed, null if it has changed none. */
  take(row: Sighting): number | null {
    const eventMs = numberOf(row.event_ms);
    if (Number.isNaN(eventMs) || (this.#last && eventMs < numberOf(this.#last.event_ms))) return null;
    this.#last = row;
    const second = secondOf(row);
    if (this.#asofMs === null) {
      if (second) this.#mark(row, second);
      return null;
    }
    const places = [second && this.#takeSecond(row, second), this.#takePrice(row, eventMs, second)];
    const changed = places.filter((place) => place !== null);
    return changed.length ? Math.min(...changed) : null;
  }

  /** The first history has what was traded until *asofMs*: what came after it is still to be added. */
  #begin(asofMs: number): void {
    this.#asofMs = asofMs;
    let known = this.#marks.length;
    while (known > 1 && this.#marks[known - 1].endMs > asofMs) known--;
    this.#marks.length = known;
  }

  #takeSecond(row: Sighting, second: Second): number | null {
    const before = this.#marks.at(-1);
    const grownShares = this.#mark(row, second);
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
    if (Number.isNaN(lastUsd) || (second && eventMs <= second.endMs)) return null;
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
  #grow(second: Second, grownShares: number, place: number, before: Mark | undefined): number {
    const { startMs } = this.bars;
    const isFirst = before !== undefined && before.endMs <= startMs[place];
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
  #mark(row: Sighting, second: Second): number {
    const before = this.#marks.at(-1);
    if (before && second.endMs < before.endMs) return 0;
    const shares = numberOf(row.volume_shares);
    const isNew = before?.endMs !== second.endMs;
    if (!isNew) this.#marks.pop();
    this.#marks.push({ endMs: second.endMs, day: row.trading_day, shares });
    if (this.#marks.length > MOST_MARKS) this.#marks.shift();
    if (!before) return second.startMs >= (this.#asofMs ?? Infinity) ? second.volumeShares : 0;
    const grown = before.day === row.trading_day ? shares - before.shares : NaN;
    return Number.isNaN(grown) ? (isNew ? second.volumeShares : 0) : Math.max(0, grown);
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
