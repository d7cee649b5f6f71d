/** Sessions behind the candles: pre-market and after-hours shaded, and a line where a trading day begins. */

import type {
  IPrimitivePaneRenderer, ISeriesPrimitive, ITimeScaleApi, Logical, SeriesAttachedParameter, Time,
} from "lightweight-charts";
import type { Run, Session } from "./sessions";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

export interface ShadeColours {
  pre: string;
  post: string;
  day: string;
}

export class Shade implements ISeriesPrimitive<Time> {
  runs: readonly Run[] = [];
  colours: ShadeColours = { pre: "", post: "", day: "" };
  #chart: SeriesAttachedParameter | null = null;
  readonly #views = [{ zOrder: () => "bottom" as const, renderer: () => ({ draw: (target: Target) => this.#draw(target) }) }];

  attached(chart: SeriesAttachedParameter): void {
    this.#chart = chart;
  }

  detached(): void {
    this.#chart = null;
  }

  paneViews(): readonly { zOrder: () => "bottom"; renderer: () => IPrimitivePaneRenderer }[] {
    return this.#views;
  }

  /** Show other *runs*. */
  show(runs: readonly Run[], colours: ShadeColours): void {
    this.runs = runs;
    this.colours = colours;
    this.#chart?.requestUpdate();
  }

  #draw(target: Target): void {
    const scale = this.#chart?.chart.timeScale() as ITimeScaleApi<Time> | undefined;
    const seen = scale?.getVisibleLogicalRange();
    if (!scale || !seen) return;
    const half = scale.options().barSpacing / 2;
    target.useBitmapCoordinateSpace(({ context, bitmapSize, horizontalPixelRatio: ratio }) => {
      for (const { session, from, to } of this.runs) {
        if (to < seen.from || from > seen.to) continue;
        const left = scale.logicalToCoordinate(from as Logical)! - half;
        const right = scale.logicalToCoordinate((to - 1) as Logical)! + half;
        const x = Math.round(left * ratio);
        const colour = this.#colour(session);
        if (colour) {
          context.fillStyle = colour;
          context.fillRect(x, 0, Math.round(right * ratio) - x, bitmapSize.height);
        }
        if (!this.#beginsDay(from)) continue;
        context.fillStyle = this.colours.day;
        context.fillRect(x, 0, Math.max(1, Math.floor(ratio)), bitmapSize.height);
      }
    });
  }

  #colour(session: Session): string | null {
    return session === "pre" || session === "post" ? this.colours[session] : null;
  }

  /** Whether the run that begins at *from* is the first of its day. */
  #beginsDay(from: number): boolean {
    const at = this.runs.findIndex((run) => run.from === from);
    return at > 0 && order(this.runs[at].session) <= order(this.runs[at - 1].session);
  }
}

const ORDER: Session[] = ["pre", "regular", "post", "closed"];

function order(session: Session): number {
  return ORDER.indexOf(session);
}
