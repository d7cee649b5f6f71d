import { newYorkTime } from "../look/format";
import type { TableState } from "../wire/feed-state";

/** How a board stands. */
export interface Standing {
  board: string;
  /** null before the first frame. */
  state: TableState | null;
  isHeld: boolean;
  /** Why the service refuses it, if it does. */
  error: string | undefined;
  /** The condition that rows must pass. */
  where: string | null | undefined;
}

/** Write what is to be said about all rows, and what is said in their place; into *part*s of the board. */
export function showWords(part: (selector: string) => Element, standing: Standing): void {
  const { state, isHeld } = standing;
  const isOld = state?.isRecalled === true;
  const section = part("section");
  section.classList.toggle("loading", !state);
  section.classList.toggle("bare", !state?.order.length);
  section.classList.toggle("old", isOld);
  write(part(".note"), isOld ? `as of ${newYorkTime(state.head!.asof_ms)}` : isHeld ? "order held" : "");
  write(part(".empty"), !state ? standing.error ?? "Loading…" : state.order.length ? "" : whyEmpty(standing));
}

function whyEmpty({ board, where }: Standing): string {
  if (where) return "No symbol passes the filter now";
  return board === "gainers" || board === "losers" ? "No symbol has an official open yet" : "No symbol ranks here now";
}

function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
