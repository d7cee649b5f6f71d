/** What a person has chosen for a chart, as a layout keeps it. */

import type { Settings } from "../widgets/widget";
import { intervalOf, type Interval } from "./bars";
import type { Parts } from "./look";
import { STUDIES, VOLUME_MEAN, type Study } from "./studies";

export interface ChartSettings {
  interval: string;
  /** Days to look back; null: as is usual for the interval. */
  days: number | null;
  /** Bars, at most. */
  limit: number;
  /** Whether history is fetched anew by itself. */
  refresh: boolean;
  /** By the id of an indicator; what is absent is as usual. */
  studies: Record<string, { shown?: boolean; colour?: string }>;
  volume: boolean;
  macd: boolean;
  levels: boolean;
  sessions: boolean;
  hollow: boolean;
}

export const MOST_BARS = 50_000;
const USUAL: ChartSettings = {
  interval: "1m", days: null, limit: 5000, refresh: true, studies: {},
  volume: true, macd: false, levels: true, sessions: true, hollow: false,
};

export function chartSettings(settings: Settings): ChartSettings {
  return { ...USUAL, ...(settings as Partial<ChartSettings>) };
}

export function isShown({ studies }: ChartSettings, study: Study): boolean {
  return studies[study.id]?.shown ?? study.usual;
}

export function colourOf({ studies }: ChartSettings, study: Study): string {
  return studies[study.id]?.colour ?? study.colour;
}

/** *settings* with another choice for the indicator *id*. */
export function withStudy({ studies }: ChartSettings, id: string, changes: { shown?: boolean; colour?: string }): Partial<ChartSettings> {
  return { studies: { ...studies, [id]: { ...studies[id], ...changes } } };
}

export function partsOf(settings: ChartSettings): Parts {
  const { volume, macd, sessions, hollow } = settings;
  return {
    interval: intervalOf(settings.interval),
    studies: STUDIES.filter((study) => isShown(settings, study)).map((study) => [study, colourOf(settings, study)]),
    volume,
    volumeMean: isShown(settings, VOLUME_MEAN) ? colourOf(settings, VOLUME_MEAN) : null,
    macd,
    sessions,
    hollow,
  };
}

export function daysOf(settings: ChartSettings, interval: Interval): number {
  return settings.days ?? interval.days;
}

