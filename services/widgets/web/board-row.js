/** How often a highlight fades before it is gone; in steps, since a continuous fade repaints sixty times a second. */
const FLASH_STEPS = 4;
const GLIDE = { duration: 240, easing: "cubic-bezier(.2,.7,.3,1)" };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** One visible row of a board: written cell by cell, and only where the text differs. */
export class BoardRow {
  element = document.createElement("tr");
  symbol = null;
  index = -1;

  #rank;
  #name;
  #cells = [];
  #lit = new Map();
  /** The cells that are shown; they stay when the symbol leaves the board. */
  values = null;

  constructor(columns) {
    this.#rank = this.#cell("td", "rank");
    this.#name = this.#cell("th", "symbol");
    this.#name.element.scope = "row";
    this.#cells = columns.map((column) => this.#cell("td", column.ranking ? "ranking" : ""));
  }

  /** Show *symbol* here from now on, without the marks of the row that was here before. */
  bind(symbol) {
    for (const animation of this.element.getAnimations({ subtree: true })) animation.cancel();
    while (this.fade());
    this.symbol = symbol;
    this.index = -1;
    this.values = null;
    for (const cell of this.#cells) this.#write(cell, "");
    this.#write(this.#name, symbol);
  }

  /** Take place *index* of the list; a row that jumps over others glides there. */
  place(index, rowHeight) {
    const jumps = this.index >= 0 && Math.abs(this.index - index) > 1; // by one, rows only make room
    if (jumps && !calm.matches) {
      const from = (this.index - index) * rowHeight;
      this.element.animate([{ transform: `translateY(${from}px)` }, { transform: "none" }], GLIDE);
    }
    if (this.index !== index) this.element.ariaRowIndex = String(index + 2); // the head is row 1
    this.index = index;
  }

  /**
   * Show *values*, highlighting once what changed; none: the symbol has left the board.
   * *moved* says where it would stand if its place were not held: `up`, `down` or nothing.
   */
  show(values, columns, moved) {
    this.#write(this.#rank, String(this.index + 1));
    this.#rank.element.dataset.moved = moved;
    this.element.classList.toggle("left", !values);
    if (!values || values === this.values) return;
    columns.forEach((column, n) => {
      const value = values[column.column];
      if (!this.#write(this.#cells[n], column.text(value))) return;
      if (column.signed) this.#cells[n].element.dataset.sign = sign(value);
      const change = column.tinted ? value - this.values?.[column.column] : 0;
      if (this.values) this.#flash(this.#cells[n].element, change);
    });
    this.values = values;
  }

  /** Let highlights fade by one step; whether any is left. */
  fade() {
    for (const [element, step] of this.#lit) this.#light(element, step - 1);
    return this.#lit.size > 0;
  }

  #flash(element, change) {
    if (calm.matches) return;
    element.dataset.tint = change > 0 ? "up" : change < 0 ? "down" : "flat";
    this.#light(element, FLASH_STEPS);
  }

  #light(element, step) {
    if (step > 0) this.#lit.set(element, step);
    else this.#lit.delete(element);
    element.dataset.flash = step;
  }

  #cell(kind, name) {
    const element = document.createElement(kind);
    element.className = name;
    const text = document.createTextNode("");
    element.append(text);
    this.element.append(element);
    return { element, text };
  }

  #write(cell, text) {
    if (cell.text.data === text) return false;
    cell.text.data = text;
    return true;
  }
}

function sign(value) {
  if (value == null || Math.abs(value) < 0.005) return "flat";
  return value > 0 ? "up" : "down";
}
