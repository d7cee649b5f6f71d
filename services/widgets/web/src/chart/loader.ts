/** The history of a chart, fetched and fetched again: one question at a time, and the newest counts. */

import { MOST_PRE_MS, preMarketOf, type Extremes } from "./levels";
import { fetchHistory, intervalOf, isIntraday, type History, type Question } from "./bars";
import { NoAnswer } from "../widgets/answers";

/** History is fetched anew so often, and after a failure. */
const FRESH_MS = 60_000;
const FAILED_MS = 15_000;

export type Outcome =
  | { kind: "loaded"; history: History }
  /** The vendor has nothing of the symbol. */
  | { kind: "absent"; message: string }
  | { kind: "refused"; message: string }
  | { kind: "failed"; message: string };

export class Loader {
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told: (outcome: Outcome) => void;

  /** @param told is given what became of each question, unless another came after it */
  constructor(told: (outcome: Outcome) => void) {
    this.#told = told;
  }

  /** Ask, instead of whatever was asked; *again*: and then again and again. */
  async ask(question: Question, again: boolean): Promise<void> {
    this.stop();
    const abort = this.#abort = new AbortController();
    let waitMs: number | null = FRESH_MS;
    let outcome: Outcome;
    try {
      outcome = { kind: "loaded", history: await fetchHistory(question, abort.signal) };
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!(error instanceof NoAnswer)) throw error;
      outcome = { kind: error.kind, message: error.message };
      if (error.kind === "failed") waitMs = error.againMs ?? FAILED_MS;
      if (error.kind === "refused") waitMs = null;
    }
    if (abort.signal.aborted) return;
    this.#told(outcome);
    const comesBack = again || outcome.kind === "failed";
    if (comesBack && waitMs !== null) this.#timer = setTimeout(() => void this.ask(question, again), waitMs);
  }

  stop(): void {
    this.#abort?.abort();
    clearTimeout(this.#timer);
  }

  /** The extremes of the pre-market, where bars of *question* are too long to tell them: of minutes, unless there are none. */
  async preMarket({ symbol, interval }: Question, history: History, atMs: number): Promise<Extremes> {
    if (interval.ms <= MOST_PRE_MS) return preMarketOf(history.bars, atMs);
    const none = { highUsd: null, lowUsd: null };
    if (!isIntraday(interval) || !this.#abort) return none;
    const minutes = { symbol, interval: intervalOf("1m"), days: 1, limit: 5000 };
    return fetchHistory(minutes, this.#abort.signal).then(({ bars }) => preMarketOf(bars, atMs), () => none);
  }
}
