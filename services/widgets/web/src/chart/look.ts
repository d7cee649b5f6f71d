/** How the chart is drawn: its parts, in the colours of the page. */

import type { CandlestickSeriesPartialOptions, ChartOptions, DeepPartial, UTCTimestamp } from "lightweight-charts";
import { isIntraday, type Interval } from "./bars";
import type { Palette } from "./palette";
import type { Study } from "./studies";

/** What is drawn besides the candles. */
export interface Parts {
  interval: Interval;
  /** With their colours. */
  studies: [Study, string][];
  volume: boolean;
  /** Its colour; null: it is not drawn. */
  volumeMean: string | null;
  macd: boolean;
  sessions: boolean;
  /** Rising candles are not filled. */
  hollow: boolean;
}

const CLOCK = { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", hourCycle: "h23" } as const;
const TIME = new Intl.DateTimeFormat("en-GB", { ...CLOCK, hour: "2-digit", minute: "2-digit" });
const SECOND = new Intl.DateTimeFormat("en-GB", { ...CLOCK, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { ...CLOCK, year: "numeric" });

export function chartLook({ interval, volume }: Parts, { ground, soft, line, grid, font }: Palette): DeepPartial<ChartOptions> {
  const clock = interval.name === "1s" ? SECOND : isIntraday(interval) ? TIME : DATE;
  const crosshair = { color: soft, labelBackgroundColor: soft };
  return {
    layout: {
      background: { color: ground }, textColor: soft, fontFamily: font,
      panes: { separatorColor: line, separatorHoverColor: grid },
    },
    grid: { vertLines: { color: grid }, horzLines: { color: grid } },
    crosshair: { mode: 0, vertLine: crosshair, horzLine: crosshair },
    rightPriceScale: { borderColor: line, scaleMargins: { top: 0.12, bottom: volume ? 0.24 : 0.08 } },
    timeScale: { borderColor: line, timeVisible: isIntraday(interval), secondsVisible: interval.name === "1s" },
    localization: { timeFormatter: (time: UTCTimestamp) => clock.format(time * 1000).replace(",", "") },
  };
}

export function candleLook({ hollow }: Parts, { text, up, down }: Palette): CandlestickSeriesPartialOptions {
  return {
    upColor: hollow ? "rgba(0, 0, 0, 0)" : up, downColor: down, borderVisible: hollow,
    borderUpColor: up, borderDownColor: down, wickUpColor: up, wickDownColor: down, priceLineColor: text,
  };
}
