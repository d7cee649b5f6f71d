const REORDER_MS = 700;
/** What is due is done with the next update, in one frame with it; without one, so much later. */
export const WITHIN_MS = 150;

/**
 * The order in which a board shows its rows: that of the service, but taken over at most every 700 ms, and not at all
 * while the pointer or the keyboard is on the board. A row must not jump away under the eye.
 */
export class Order {
  /** Symbols, best first. */
  shown: readonly string[] = [];
  #holders = { pointer: false, keys: false };
  #takenAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | 0 = 0;

  /** Note who is on the board: the pointer, the keyboard, or none. */
  hold(who: { pointer?: boolean; keys?: boolean }): void {
    this.#holders = { ...this.#holders, ...who };
  }

  get isHeld(): boolean {
    return this.shown.length > 0 && (this.#holders.pointer || this.#holders.keys);
  }

  get hasKeys(): boolean {
    return this.#holders.keys;
  }

  /** Take over *order*, unless it is held or one was taken over a moment ago: then *again* is called. */
  take(order: readonly string[], again: () => void): void {
    if (order === this.shown || this.isHeld) return;
    const waitMs = this.#takenAt + REORDER_MS - performance.now();
    if (waitMs > 0 && order.length) {
      this.#timer ||= setTimeout(() => { this.#timer = 0; again(); }, waitMs + WITHIN_MS);
      return;
    }
    this.#takenAt = performance.now();
    this.shown = order;
  }

  stop(): void {
    clearTimeout(this.#timer || undefined);
    this.#timer = 0;
  }
}

/** Where a row that is held would stand; a single place is not worth a mark. */
export function moved(index: number, now: number | undefined): string {
  if (now === undefined || Math.abs(now - index) < 2) return "";
  return now < index ? "up" : "down";
}
