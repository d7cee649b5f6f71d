/** The indicators that a chart may show, each with its colour, and their values for its bars. */

import type { Bars } from "./bars";
import { ema, macd, noMacd, sma, vwap, vwma } from "./indicators";

export interface Study {
  id: string;
  title: string;
  colour: string;
  /** Whether it is shown by itself. */
  usual: boolean;
  /** Its values; those before *from* in *out* stay. */
  values: (bars: Bars, out: number[], from: number) => number[];
}

const mean = (
  name: string, n: number, colour: string, usual: boolean,
  values: Study["values"],
): Study => ({ id: `${name.toLowerCase()}${n}`, title: `${name} ${n}`, colour, usual, values });

const emaOf = (n: number): Study["values"] => ({ closeUsd }, out, from) => ema(closeUsd, n, out, from);
const smaOf = (n: number): Study["values"] => ({ closeUsd }, out, from) => sma(closeUsd, n, out, from);
const vwmaOf = (n: number): Study["values"] => (bars, out, from) => vwma(bars, n, out, from);

/** Lines over the candles. */
export const STUDIES: Study[] = [
  mean("EMA", 9, "#d99a1c", true, emaOf(9)),
  mean("EMA", 21, "#ef7434", true, emaOf(21)),
  mean("EMA", 200, "#a06bf0", true, emaOf(200)),
  mean("SMA", 50, "#4497d3", false, smaOf(50)),
  mean("SMA", 200, "#df4f7d", true, smaOf(200)),
  mean("VWMA", 9, "#7fab26", false, vwmaOf(9)),
  mean("VWMA", 50, "#23a3a8", true, vwmaOf(50)),
  { id: "vwap", title: "VWAP", colour: "#3a86ff", usual: false, values: vwap },
];

/** The mean of the volume of so many bars. */
export const VOLUME_BARS = 20;
export const VOLUME_MEAN: Study = {
  id: "volume20", title: `Avg. volume ${VOLUME_BARS}`, colour: "#8a97aa", usual: false,
  values: ({ volumeShares }, out, from) => sma(volumeShares, VOLUME_BARS, out, from),
};

/** What has a colour of its own in settings. */
export const LINES: Study[] = [...STUDIES, VOLUME_MEAN];

/** Convergence and divergence: three series, in a pane of their own. */
export class MacdStudy {
  values = noMacd();

  take({ closeUsd }: Bars, from: number): void {
    macd(closeUsd, this.values, from);
  }
}
