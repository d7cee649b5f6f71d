/** The state of one feed, rebuilt from its frames. Rows are arrays that are replaced, never changed. */
export class FeedState {
  epoch = null;
  seq = 0;
  head = null;
  receivedMs = 0;
  columns = [];
  order = [];
  rows = new Map();

  snap(frame) {
    this.epoch = frame.epoch;
    this.seq = frame.seq;
    this.columns = frame.columns;
    this.order = frame.rows.map((row) => row[0]);
    this.rows = new Map(frame.rows.map((row) => [row[0], row]));
    this.#stamp(frame);
  }

  /** Apply the delta that follows; false if a frame before it was lost, and nothing was applied. */
  delta(frame) {
    if (this.epoch === null || frame.seq !== this.seq + 1) return false;
    this.seq = frame.seq;
    for (const [symbol, cells] of Object.entries(frame.cells)) {
      const row = this.rows.get(symbol)?.slice() ?? [];
      for (const [column, value] of Object.entries(cells)) row[column] = value;
      this.rows.set(symbol, row);
    }
    if (frame.order !== null) this.#reorder(frame.order);
    this.#stamp(frame);
    return true;
  }

  /** Forget the position: nothing but a snap is accepted from now on. What is known stays visible. */
  lose() {
    this.epoch = null;
  }

  #reorder(order) {
    this.order = order;
    const present = new Set(order);
    for (const symbol of this.rows.keys()) if (!present.has(symbol)) this.rows.delete(symbol);
  }

  #stamp(frame) {
    this.head = frame.head;
    this.receivedMs = frame.received_ms || 0;
  }
}
