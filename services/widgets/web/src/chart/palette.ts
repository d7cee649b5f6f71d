/** Colours of the chart, from the style of the page that it is in. */

import type { ShadeColours } from "./shade";

export interface Palette {
  ground: string;
  text: string;
  soft: string;
  line: string;
  grid: string;
  accent: string;
  up: string;
  down: string;
  upFaint: string;
  downFaint: string;
  font: string;
  shade: ShadeColours;
  levels: Record<string, string>;
}

/** As *element* would be painted. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const value = (name: string, usual: string) => style.getPropertyValue(name).trim() || usual;
  const mixed = (name: string, usual: string, share: number) => `rgba(${value(name, usual).split(/[\s,]+/).join(", ")}, ${share})`;
  const up = value("--up", "#3ecf97");
  const down = value("--down", "#ff7180");
  const soft = value("--soft", "#9aa7b9");
  return {
    ground: value("--panel", "#0e131a"),
    text: value("--text", "#dde4ee"),
    soft,
    line: value("--line", "#222c3a"),
    grid: value("--hair", "rgba(255, 255, 255, 0.04)"),
    accent: value("--accent", "#7db2ff"),
    up,
    down,
    upFaint: mixed("--up-rgb", "62 207 151", 0.42),
    downFaint: mixed("--down-rgb", "255 113 128", 0.42),
    font: style.fontFamily,
    shade: {
      pre: "rgba(240, 178, 74, 0.05)",
      post: mixed("--accent-rgb", "125 178 255", 0.06),
      day: value("--line", "#222c3a"),
    },
    levels: { "day-high": up, "day-low": down, "pre-high": "#d9962e", "pre-low": "#d9962e", "previous-close": soft },
  };
}
