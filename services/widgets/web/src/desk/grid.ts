import { GridStack, type GridStackNode } from "gridstack";
import { MeshFrame } from "./frame";
import { COLUMNS, type Placed } from "./model";
import { store } from "./store";

/** Rows that fill a window. */
const ROWS = 26;
const LEAST_ROW_PX = 22;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** The widgets of the layout that is shown, each at its place; what a person moves is kept. */
export class Grid {
  #stack: GridStack;
  #element: HTMLElement;
  #isApplying = false;

  constructor(element: HTMLElement) {
    this.#element = element;
    this.#stack = made(GridStack.init({
      column: COLUMNS, cellHeight: this.#rowPx(), margin: 2, mode: "float", animate: !calm.matches,
      handle: ".frame-head", draggable: { cancel: "button,input,.colours" }, alwaysShowResizeHandle: false,
      resizable: { handles: "e,se,s,sw,w" },
      columnOpts: { columnMax: COLUMNS, breakpointForWindow: true, breakpoints: [{ w: 700, c: 1 }], layout: "list" },
    }, element));
    this.#stack.on("change", () => this.#keep());
    window.addEventListener("resize", () => this.#stack.cellHeight(this.#rowPx()));
  }

  /** Show *widgets*: those that are there stay, with all that is in them. */
  apply(widgets: readonly Placed[], locked: boolean): void {
    this.#isApplying = true;
    this.#stack.batchUpdate();
    this.#stack.setStatic(locked);
    const wanted = new Map(widgets.map((placed) => [placed.id, placed]));
    for (const item of this.#items()) if (!wanted.has(item.getAttribute("gs-id")!)) this.#stack.removeWidget(item);
    const here = new Map(this.#items().map((item) => [item.getAttribute("gs-id"), item]));
    for (const placed of widgets) {
      const item = here.get(placed.id) ?? this.#make(placed);
      const frame = item.querySelector("mesh-frame") as MeshFrame;
      frame.placed = placed;
      frame.locked = locked;
      const { x, y, w, h } = (item as { gridstackNode?: GridStackNode }).gridstackNode ?? {};
      if (this.#isWhole && (x !== placed.x || y !== placed.y || w !== placed.w || h !== placed.h)) {
        this.#stack.update(item, { x: placed.x, y: placed.y, w: placed.w, h: placed.h });
      }
    }
    this.#stack.batchUpdate(false);
    this.#isApplying = false;
  }

  /** Show it, wherever it is. */
  reveal(id: string): void {
    const item = this.#items().find((each) => each.getAttribute("gs-id") === id);
    item?.scrollIntoView({ block: "nearest" });
    item?.querySelector<HTMLElement>(".frame-head")?.focus();
  }

  /** Move or resize by keyboard. */
  nudge(id: string, dx: number, dy: number, resizes: boolean): void {
    const item = this.#items().find((each) => each.getAttribute("gs-id") === id);
    const node = (item as { gridstackNode?: GridStackNode } | undefined)?.gridstackNode;
    if (!item || !node) return;
    const { x = 0, y = 0, w = 1, h = 1 } = node;
    if (resizes) this.#stack.update(item, { w: Math.max(2, w + dx), h: Math.max(2, h + dy) });
    else this.#stack.update(item, { x: Math.max(0, x + dx), y: Math.max(0, y + dy) });
  }

  /** Where a widget of that size fits. */
  free(w: number, h: number): { x: number; y: number } {
    const node: GridStackNode = { w, h, autoPosition: true };
    const { engine } = this.#stack;
    if (this.#isWhole && engine.findEmptyPosition(node)) return { x: node.x ?? 0, y: node.y ?? 0 };
    return { x: 0, y: engine.getRow() };
  }

  /** On a narrow screen widgets stand below each other, which is not how the layout is. */
  get #isWhole(): boolean {
    return this.#stack.getColumn() === COLUMNS;
  }

  #items(): HTMLElement[] {
    return [...this.#element.querySelectorAll<HTMLElement>(":scope > .grid-stack-item")];
  }

  #make({ id, x, y, w, h }: Placed): HTMLElement {
    const item = document.createElement("div");
    item.className = "grid-stack-item";
    const content = document.createElement("div");
    content.className = "grid-stack-item-content";
    content.append(document.createElement("mesh-frame"));
    item.append(content);
    (content.firstChild as MeshFrame).placed = store.layout.widgets.find((each) => each.id === id)!;
    this.#element.append(item);
    this.#stack.makeWidget(item, { id, x, y, w, h, minW: 2, minH: 2 });
    item.setAttribute("gs-id", id);
    return item;
  }

  #keep(): void {
    if (this.#isApplying || !this.#isWhole) return;
    const nodes = new Map(this.#stack.engine.nodes.map((node) => [node.id, node]));
    store.place((widgets) => widgets.map((placed) => {
      const { x = placed.x, y = placed.y, w = placed.w, h = placed.h } = nodes.get(placed.id) ?? {};
      return { ...placed, x, y, w, h };
    }));
  }

  #rowPx(): number {
    const above = this.#element.getBoundingClientRect().top + scrollY;
    return Math.max(LEAST_ROW_PX, Math.floor((innerHeight - above - 4) / ROWS));
  }
}

function made(stack: GridStack | null): GridStack {
  if (!stack) throw new Error("the grid has no element");
  return stack;
}
