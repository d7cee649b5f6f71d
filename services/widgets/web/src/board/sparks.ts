/**
 * The prices of the last hour, minute by minute, of the symbols that somebody looks at.
 *
 * Two sources: what boards have seen, and for the time before the bars of the vendor, asked for once for each symbol in
 * sight, one after the other and a fifth of what a user may ask. Prices of rows alone would leave a line empty for an
 * hour after each load; bars alone would have to be asked for again each minute.
 */

import { fetchHistory, intervalOf } from "../chart/bars";
import { NoAnswer } from "../widgets/answers";

const MINUTE_MS = 60_000;
const MINUTES = 60;
const PACE_MS = 1_000;
const MOST_WANTED = 60;
const MOST_LINES = 600;
const [WIDTH, HEIGHT] = [100, 20];

/** Prices by minute since 1970. */
type Line = Map<number, number>;

class Sparks {
  #lines = new Map<string, Line>();
  #wanted: string[] = [];
  #isAsking = false;

  /** Note the price of *symbol*, and ask for what was before if that is not known. */
  see(symbol: string, usd: number, nowMs: number): void {
    let line = this.#lines.get(symbol);
    if (!line) {
      this.#lines.set(symbol, line = new Map());
      if (this.#lines.size > MOST_LINES) this.#lines.delete(this.#lines.keys().next().value!);
      this.#wanted = [symbol, ...this.#wanted].slice(0, MOST_WANTED);
      void this.#ask();
    }
    const minute = Math.floor(nowMs / MINUTE_MS);
    line.set(minute, usd);
    for (const old of line.keys()) if (old <= minute - MINUTES) line.delete(old);
  }

  /** The prices of *symbol*, oldest first, as the path of a line in a box of 100 by 20; null: too few are known. */
  drawn(symbol: string): { path: string; firstUsd: number; lastUsd: number } | null {
    const points = [...(this.#lines.get(symbol) ?? [])].sort(([a], [b]) => a - b);
    if (points.length < 2) return null;
    const prices = points.map(([, usd]) => usd);
    const [least, most] = [Math.min(...prices), Math.max(...prices)];
    const from = points.at(-1)![0] - MINUTES + 1;
    const place = ([minute, usd]: [number, number]) => {
      const x = (WIDTH * (minute - from)) / (MINUTES - 1);
      const y = most === least ? HEIGHT / 2 : 1 + ((HEIGHT - 2) * (most - usd)) / (most - least);
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    };
    return { path: `M${points.map(place).join("L")}`, firstUsd: prices[0], lastUsd: prices.at(-1)! };
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    for (let symbol; (symbol = this.#wanted.shift());) {
      const goesOn = await this.#fill(symbol);
      if (!goesOn) this.#wanted = [];
      await new Promise((done) => setTimeout(done, PACE_MS));
    }
    this.#isAsking = false;
  }

  /** What is known from here is newer than any bar; whether there is any sense in asking for more. */
  async #fill(symbol: string): Promise<boolean> {
    const question = { symbol, interval: intervalOf("1m"), days: 1, limit: MINUTES };
    try {
      const { bars } = await fetchHistory(question, new AbortController().signal);
      const line = this.#lines.get(symbol);
      const seen = Math.max(...(line?.keys() ?? []));
      bars.startMs.forEach((startMs, n) => {
        const minute = Math.floor(startMs / MINUTE_MS);
        if (minute > seen - MINUTES && !line?.has(minute)) line?.set(minute, bars.closeUsd[n]);
      });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return error.kind === "absent";
    }
    return true;
  }
}

export const sparks = new Sparks();
