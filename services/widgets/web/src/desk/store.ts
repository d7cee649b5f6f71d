import { asDesk, freeName, newId, type Desk, type Layout, type Placed } from "./model";
import { usualDesk } from "./presets";

const KEY = "tickmesh.desk";
const MOST_UNDO = 50;

/**
 * The desk of this browser: every change is kept at once, and can be taken back.
 *
 * Events: `change`, and `kept` if it was this window that changed it.
 */
export class DeskStore extends EventTarget {
  desk: Desk = read() ?? usualDesk();
  #before: string[] = [];

  get layout(): Layout {
    return this.desk.layouts.find((layout) => layout.name === this.desk.active) ?? this.desk.layouts[0];
  }

  get names(): string[] {
    return this.desk.layouts.map((layout) => layout.name);
  }

  get canUndo(): boolean {
    return this.#before.length > 0;
  }

  /** Take back the last change of widgets or layouts. */
  undo(): void {
    const before = this.#before.pop();
    if (before) this.#become(JSON.parse(before));
  }

  /** Change what is placed on the layout that is shown; *make* gives the new widgets. */
  place(make: (widgets: Placed[]) => Placed[]): void {
    const { layout } = this;
    const widgets = make(layout.widgets);
    if (JSON.stringify(widgets) !== JSON.stringify(layout.widgets)) this.#put({ ...layout, widgets });
  }

  /** Change one widget. */
  edit(id: string, changes: Partial<Placed>): void {
    this.place((widgets) => widgets.map((each) => (each.id === id ? { ...each, ...changes } : each)));
  }

  add(placed: Omit<Placed, "id">): string {
    const id = newId();
    this.place((widgets) => [...widgets, { ...placed, id }]);
    return id;
  }

  remove(id: string): void {
    this.place((widgets) => widgets.filter((each) => each.id !== id));
  }

  show(name: string): void {
    if (this.names.includes(name) && name !== this.desk.active) this.#become({ ...this.desk, active: name });
  }

  lock(locked: boolean): void {
    this.#become({ ...this.desk, locked });
  }

  /** Keep the layout that is shown under another name as well, and show that. */
  saveAs(name: string): void {
    this.addLayout({ ...this.layout, name, created_ms: Date.now(), modified_ms: Date.now() });
  }

  /** Take in *layout*, under a name that is free, and show it. */
  addLayout(layout: Layout): void {
    this.#remember();
    const name = freeName(layout.name, this.names);
    this.#become({ ...this.desk, layouts: [...this.desk.layouts, { ...layout, name }], active: name });
  }

  rename(name: string): void {
    if (!name || this.names.includes(name)) return;
    this.#remember();
    const { active, usual } = this.desk;
    const layouts = this.desk.layouts.map((each) => (each.name === active ? { ...each, name } : each));
    this.#become({ ...this.desk, layouts, active: name, usual: usual === active ? name : usual });
  }

  makeUsual(): void {
    this.#become({ ...this.desk, usual: this.desk.active });
  }

  /** Delete the layout that is shown, unless it is the last. */
  deleteLayout(): void {
    const layouts = this.desk.layouts.filter((each) => each.name !== this.desk.active);
    if (!layouts.length) return;
    this.#remember();
    const usual = layouts.some((each) => each.name === this.desk.usual) ? this.desk.usual : layouts[0].name;
    this.#become({ ...this.desk, layouts, active: usual, usual });
  }

  /** Whether a person has ever changed it here: the usual one is nobody's work. */
  get isChanged(): boolean {
    return localStorage.getItem(KEY) !== null;
  }

  /** Take over the layouts of another browser. */
  take(desk: Desk): void {
    this.#remember();
    const { active, locked } = this.desk;
    const isThere = desk.layouts.some((layout) => layout.name === active);
    this.#become({ ...desk, locked, active: isThere ? active : desk.usual });
  }

  /** Another window has changed the desk. */
  reload(): void {
    this.desk = read() ?? this.desk;
    this.dispatchEvent(new Event("change"));
  }

  #put(layout: Layout): void {
    this.#remember();
    const changed = { ...layout, modified_ms: Date.now() };
    const layouts = this.desk.layouts.map((each) => (each.name === changed.name ? changed : each));
    this.#become({ ...this.desk, layouts });
  }

  #remember(): void {
    this.#before = [...this.#before, JSON.stringify(this.desk)].slice(-MOST_UNDO);
  }

  #become(desk: Desk): void {
    this.desk = desk;
    localStorage.setItem(KEY, JSON.stringify(desk));
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("kept"));
  }
}

function read(): Desk | null {
  try {
    return asDesk(JSON.parse(localStorage.getItem(KEY) ?? "null"));
  } catch {
    return null;
  }
}

export const store = new DeskStore();

window.addEventListener("storage", (event) => {
  if (event.key === KEY) store.reload();
});
