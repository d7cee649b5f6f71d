/** One thing that the vendor is asked about a symbol, and how it stands with it. */

import { NoAnswer, answerOf, freshMs } from "./answers";

/** What every answer says. */
export interface Told {
  symbol: string;
  /** When the vendor said so. */
  asof_ms: number;
}

export type Stand<T> =
  | { kind: "none" | "loading" }
  /** *trouble*: why there is no newer one. */
  | { kind: "told"; told: T; trouble?: string }
  | { kind: NoAnswer["kind"]; message: string };

/** Who walks down a board with the arrow keys asks for nothing on the way. */
const PAUSE_MS = 180;
const LEAST_MS = 60_000;
const FAILED_MS = 15_000;

/** An answer of `/v1/{what}/{symbol}`: asked for when there is a symbol, and again when it is too old. */
export class Fact<T extends Told> {
  stand: Stand<T> = { kind: "none" };
  readonly #what: string;
  readonly #changed: () => void;
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(what: string, changed: () => void) {
    this.#what = what;
    this.#changed = changed;
  }

  /** What was told, of whichever age. */
  get told(): T | null {
    return this.stand.kind === "told" ? this.stand.told : null;
  }

  /** Why there is nothing, or nothing newer; null: all is well, or the vendor has none. */
  get trouble(): string | null {
    const { stand } = this;
    if (stand.kind === "told") return stand.trouble ?? null;
    return stand.kind === "failed" || stand.kind === "refused" ? stand.message : null;
  }

  /** Forget what was told, and ask about *symbol*; about none if it is empty. */
  ask(symbol: string): void {
    this.stop();
    this.stand = { kind: symbol ? "loading" : "none" };
    if (symbol) this.#timer = setTimeout(() => void this.#ask(symbol), PAUSE_MS);
  }

  stop(): void {
    this.#abort?.abort();
    clearTimeout(this.#timer);
  }

  async #ask(symbol: string): Promise<void> {
    const abort = this.#abort = new AbortController();
    let againMs: number | null = LEAST_MS;
    try {
      const answer = await answerOf(`v1/${this.#what}/${encodeURIComponent(symbol)}`, abort.signal);
      this.stand = { kind: "told", told: await answer.json() as T };
      againMs = Math.max(LEAST_MS, freshMs(answer));
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!(error instanceof NoAnswer)) throw error;
      const { kind, message } = error;
      this.stand = this.told && kind === "failed" ? { kind: "told", told: this.told, trouble: message } : { kind, message };
      againMs = kind === "failed" ? Math.max(FAILED_MS, error.againMs ?? 0) : null;
    }
    if (againMs !== null) this.#timer = setTimeout(() => void this.#ask(symbol), againMs);
    this.#changed();
  }
}
