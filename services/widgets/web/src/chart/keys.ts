/** Keys of a chart that has the focus. */

import type { Plot } from "./plot";

const STEP_BARS = 5;
const LEAP_BARS = 50;
const WIDER = 1.2;

/** Do what the key says, if it says anything to a chart. */
export function onKey(event: KeyboardEvent, plot: Plot | null, toggleTable: () => void): void {
  if (event.target !== event.currentTarget || !plot || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? LEAP_BARS : STEP_BARS;
  const actions: Record<string, () => void> = {
    ArrowLeft: () => plot.pan(-step),
    ArrowRight: () => plot.pan(step),
    ArrowUp: () => plot.zoom(WIDER),
    ArrowDown: () => plot.zoom(1 / WIDER),
    "+": () => plot.zoom(WIDER),
    "=": () => plot.zoom(WIDER),
    "-": () => plot.zoom(1 / WIDER),
    End: () => plot.toNewest(),
    t: toggleTable,
    T: toggleTable,
  };
  const act = actions[event.key];
  if (!act) return;
  act();
  event.preventDefault();
  event.stopPropagation();
}
