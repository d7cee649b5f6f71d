/** The chart itself, drawn by TradingView's Lightweight Charts™. */

import {
  CandlestickSeries, HistogramSeries, LineSeries, LineStyle, createChart,
  type IChartApi, type IPriceLine, type ISeriesApi, type SeriesDefinition, type SeriesType, type UTCTimestamp,
} from "lightweight-charts";
import { isIntraday, type Bars } from "./bars";
import type { Level } from "./levels";
import { candleLook, chartLook, type Parts } from "./look";
import type { Palette } from "./palette";
import { sessionRuns, wallMs } from "./sessions";
import { Shade } from "./shade";
import { MacdStudy, VOLUME_MEAN, type Study } from "./studies";

/** A series with what it shows at a place. */
interface Drawn {
  series: ISeriesApi<SeriesType>;
  /** Make the values from *from* on. */
  make?: (bars: Bars, from: number) => void;
  item: (bars: Bars, place: number) => object | null;
  /** As the legend has it. */
  label?: { title: string; colour: string; value: (place: number) => number };
}

/** An indicator with its value at some place. */
export interface Reading {
  title: string;
  colour: string;
  /** NaN: there is none. */
  value: number;
}

const DAY_S = 86_400;
export class Plot {
  #chart: IChartApi;
  #candles: ISeriesApi<"Candlestick">;
  #shade = new Shade();
  #drawn: Drawn[] = [];
  #others: ISeriesApi<SeriesType>[] = [];
  #levels = new Map<string, IPriceLine>();
  #times: UTCTimestamp[] = [];
  #bars: Bars | null = null;
  #parts: Parts;
  #palette: Palette;

  /** @param onHover is told the place of the bar below the pointer, null: of none */
  constructor(element: HTMLElement, parts: Parts, palette: Palette, onHover: (place: number | null) => void) {
    this.#parts = parts;
    this.#palette = palette;
    this.#chart = createChart(element, {
      autoSize: true,
      // The style that comes with the logo is against the policy of the page; the link beside the chart stands for it.
      layout: { attributionLogo: false, fontSize: 11 },
      timeScale: { rightOffset: 6, barSpacing: 7, minBarSpacing: 0.4 },
      localization: { locale: "en-GB" },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, {});
    this.#candles.attachPrimitive(this.#shade);
    this.#chart.subscribeCrosshairMove(({ logical, point }) => onHover(point && logical != null ? Math.round(logical) : null));
    this.configure(parts, palette);
  }

  remove(): void {
    this.#chart.remove();
  }

  /** Draw other parts, or in other colours. */
  configure(parts: Parts, palette: Palette): void {
    this.#parts = parts;
    this.#palette = palette;
    for (const series of this.#others) this.#chart.removeSeries(series);
    this.#others = [];
    this.#chart.applyOptions(chartLook(parts, palette));
    this.#candles.applyOptions(candleLook(parts, palette));
    this.#drawn = [{ series: this.#candles, item: ({ openUsd, highUsd, lowUsd, closeUsd }, at) => ({
      open: openUsd[at], high: highUsd[at], low: lowUsd[at], close: closeUsd[at],
    }) }];
    if (parts.volume) this.#addVolume();
    for (const [study, colour] of parts.studies) this.#addLine(study, colour, 0);
    if (parts.macd) this.#addMacd();
    if (this.#bars) this.show(this.#bars, false);
  }

  /** Draw all of *bars*; *isOther*: those of another symbol or interval, which are shown from their newest on. */
  show(bars: Bars, isOther: boolean): void {
    this.#bars = bars;
    this.#times = [];
    this.#extendTimes();
    const usd = bars.closeUsd.at(-1) ?? 1;
    this.#candles.applyOptions({ priceFormat: usd < 1 ? { precision: 4, minMove: 0.0001 } : { precision: 2, minMove: 0.01 } });
    for (const { series, make, item } of this.#drawn) {
      make?.(bars, 0);
      series.setData(this.#times.map((time, place) => ({ time, ...item(bars, place) })) as never);
    }
    this.#shadeSessions();
    if (isOther) this.toNewest();
  }

  /** Draw what has changed from the bar at *from* on. */
  update(from: number): void {
    const bars = this.#bars!;
    const before = this.#times.length;
    this.#extendTimes();
    for (const { series, make, item } of this.#drawn) {
      make?.(bars, from);
      for (let place = from; place < this.#times.length; place++) {
        series.update({ time: this.#times[place], ...item(bars, place) } as never, place < before - 1);
      }
    }
    if (this.#times.length > before) this.#shadeSessions();
  }

  /** Whether there is nothing to draw. */
  get isClear(): boolean {
    return this.#bars === null;
  }

  /** Draw nothing. */
  clear(): void {
    this.#bars = null;
    this.#times = [];
    for (const { series } of this.#drawn) series.setData([]);
    this.#shade.show([], this.#palette.shade);
    this.showLevels([]);
  }

  /** The indicators at a place. */
  readingsAt(place: number): Reading[] {
    return this.#drawn.flatMap(({ label }) => (label ? [{ ...label, value: label.value(place) ?? NaN }] : []));
  }

  showLevels(levels: readonly Level[]): void {
    for (const [id, line] of this.#levels) {
      if (levels.some((level) => level.id === id)) continue;
      this.#candles.removePriceLine(line);
      this.#levels.delete(id);
    }
    for (const { id, title, usd } of levels) {
      const color = this.#palette.levels[id];
      const options = { price: usd, title, color, lineWidth: 1 as const, lineStyle: LineStyle.Dashed, axisLabelVisible: true };
      const line = this.#levels.get(id);
      if (line) line.applyOptions(options);
      else this.#levels.set(id, this.#candles.createPriceLine(options));
    }
  }

  /** Whether the newest bar is in sight. */
  get isAtNewest(): boolean {
    return this.#chart.timeScale().scrollPosition() > -1;
  }

  toNewest(): void {
    const scale = this.#chart.timeScale();
    scale.resetTimeScale();
    this.#chart.priceScale("right").applyOptions({ autoScale: true });
  }

  /** Move by so many bars; less than zero: to older ones. */
  pan(bars: number): void {
    const scale = this.#chart.timeScale();
    scale.scrollToPosition(scale.scrollPosition() + bars, false);
  }

  /** Show bars so much wider. */
  zoom(factor: number): void {
    const scale = this.#chart.timeScale();
    scale.applyOptions({ barSpacing: Math.min(60, Math.max(0.5, scale.options().barSpacing * factor)) });
  }

  #addVolume(): void {
    const { upFaint, downFaint } = this.#palette;
    const series = this.#add(HistogramSeries, { ...QUIET, priceScaleId: "volume", priceFormat: { type: "volume" } }, 0);
    series.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.#drawn.push({ series, item: ({ openUsd, closeUsd, volumeShares }, at) => ({
      value: volumeShares[at], color: closeUsd[at] < openUsd[at] ? downFaint : upFaint,
    }) });
    const { volumeMean } = this.#parts;
    if (volumeMean) this.#addLine(VOLUME_MEAN, volumeMean, 0, "volume");
  }

  #addLine(study: Study, color: string, pane: number, priceScaleId = "right"): void {
    const values: number[] = [];
    const series = this.#add(LineSeries, { color, priceScaleId, ...QUIET }, pane);
    this.#drawn.push({
      series,
      make: (bars, from) => { study.values(bars, values, from); },
      item: (_, at) => valueOf(values[at]),
      label: { title: study.title, colour: color, value: (at) => values[at] },
    });
  }

  #addMacd(): void {
    const { accent, upFaint, downFaint } = this.#palette;
    const macd = new MacdStudy();
    this.#drawn.push({
      series: this.#add(HistogramSeries, QUIET, 1),
      make: (bars, from) => macd.take(bars, from),
      item: (_, at) => {
        const value = macd.values.histogram[at];
        return Number.isNaN(value) ? null : { value, color: value < 0 ? downFaint : upFaint };
      },
    });
    for (const [name, title, color] of [["line", "MACD", accent], ["signal", "Signal", "#ef7434"]] as const) {
      const value = (at: number) => macd.values[name][at];
      const series = this.#add(LineSeries, { color, ...QUIET }, 1);
      this.#drawn.push({ series, item: (_, at) => valueOf(value(at)), label: { title, colour: color, value } });
    }
    this.#chart.panes()[1].setStretchFactor(0.3);
  }

  #add(kind: SeriesDefinition<SeriesType>, options: object, pane: number): ISeriesApi<SeriesType> {
    const series = this.#chart.addSeries(kind, options, pane);
    this.#others.push(series);
    return series;
  }

  #shadeSessions(): void {
    const { sessions, interval } = this.#parts;
    const startMs = this.#bars!.startMs;
    this.#shade.show(sessions && isIntraday(interval) ? sessionRuns(startMs) : [], this.#palette.shade);
  }

  /** Times as New York's clocks show them; always growing, also in the hour that comes twice. */
  #extendTimes(): void {
    const startMs = this.#bars!.startMs;
    for (let place = this.#times.length; place < startMs.length; place++) {
      const wall = Math.floor(wallMs(startMs[place]) / 1000);
      const time = isIntraday(this.#parts.interval) ? wall : wall - (wall % DAY_S);
      this.#times.push(Math.max(time, (this.#times.at(-1) ?? 0) + 1) as UTCTimestamp);
    }
  }
}

/** A line without a label of its own on the scale. */
const QUIET = { lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false };

function valueOf(value: number): { value: number } | null {
  return Number.isNaN(value) ? null : { value };
}
