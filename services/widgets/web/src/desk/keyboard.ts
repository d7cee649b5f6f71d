import type { Grid } from "./grid";
import type { MeshFrame } from "./frame";
import { store } from "./store";

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

/**
 * Moves widgets without a pointer: Space takes the widget whose head has the focus, arrows move it, with Shift they
 * resize it, Space or Enter puts it down, Escape puts it back.
 */
export function moveByKeys(element: HTMLElement, grid: Grid, say: (text: string) => void): void {
  let taken: { id: string; before: string; name: string } | null = null;

  const drop = (text: string) => {
    element.querySelector("[data-taken]")?.removeAttribute("data-taken");
    taken = null;
    say(text);
  };

  element.addEventListener("focusout", () => taken && drop(`${taken.name} put down`));
  element.addEventListener("keydown", (event) => {
    const head = event.target as HTMLElement;
    if (!head.matches(".frame-head") || store.desk.locked) return;
    const frame = head.closest<MeshFrame>("mesh-frame")!;
    const { id } = frame.placed;
    if (!taken) {
      if (event.key !== " ") return;
      taken = { id, name: frame.name, before: JSON.stringify(store.layout.widgets) };
      frame.dataset.taken = "";
      say(`${frame.name} taken. Arrows move it, with Shift they resize it, Space puts it down, Escape puts it back.`);
    } else if (event.key === " " || event.key === "Enter") drop(`${frame.name} put down`);
    else if (event.key === "Escape") {
      const before = JSON.parse(taken.before);
      store.place(() => before);
      drop(`${frame.name} put back`);
    } else if (event.key in STEPS) {
      const [dx, dy] = STEPS[event.key];
      grid.nudge(id, dx, dy, event.shiftKey);
      const { x, y, w, h } = store.layout.widgets.find((each) => each.id === id)!;
      say(event.shiftKey ? `${w} wide, ${h} high` : `column ${x + 1}, row ${y + 1}`);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
