import { css, html, type TemplateResult } from "lit";
import { countdown, price, time } from "../look/format";
import { sheet } from "../look/sheet";
import { tapeClock } from "../share/tape";
import { list, listStyle } from "./rows";
import { MeshWidget } from "./widget";

interface Halted {
  symbol: string;
  trading_day: string;
  state: "trading" | "limit" | "paused" | "resumed";
  since_ms: number | null;
  upper_band_usd: number | null;
  lower_band_usd: number | null;
  limit_side: string | null;
  until_ms: number | null;
  halts_today: number;
}

const ORDER = { paused: 0, limit: 1, resumed: 2, trading: 3 };
const WORDS = { paused: "Paused", limit: "At band", resumed: "Resumed", trading: "Trading" };
const TICK_MS = 500;

/** `<mesh-halts>`: who is paused or at a price band, with the time left, and who trades again. */
export class MeshHalts extends MeshWidget {
  static override styles = [sheet, listStyle, css`
    .paused { color: var(--warn); font-weight: 600; }
    .limit { color: var(--warn); }
    .resumed { color: var(--soft); }
  `];

  #tick: ReturnType<typeof setInterval> | undefined;

  override get heading(): string {
    return "Halts";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.follow("halts", "halt/*");
    this.#tick = setInterval(() => this.requestUpdate(), TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#tick);
  }

  override setUp(): void {
    this.change({ all: !this.settings.all });
  }

  override render(): TemplateResult {
    const now = tapeClock.now();
    return list<Halted>({
      label: this.heading, items: this.#latest(), symbol: ({ symbol }) => symbol, chosen: this.symbol,
      choose: (symbol) => this.choose(symbol),
      title: ({ upper_band_usd, lower_band_usd, halts_today }) =>
        `bands ${price(lower_band_usd)} to ${price(upper_band_usd)}, ${halts_today} pauses today`,
      columns: [
        { title: "Symbol", left: true, cell: ({ symbol }) => symbol },
        { title: "State", left: true, tone: ({ state }) => state, cell: ({ state, limit_side }) => `${WORDS[state]}${limit_side ? ` ${limit_side === "up" ? "▲" : "▼"}` : ""}` },
        { title: "Since", cell: ({ since_ms }) => time(since_ms) },
        { title: "Left", cell: ({ state, until_ms }) => left(state, until_ms, now) },
        { title: "Today", cell: ({ halts_today }) => html`${halts_today || ""}` },
      ],
      empty: this.followed("halts")?.sequence ? "Nobody is halted" : "Loading…",
    });
  }

  /** The newest state of each symbol, paused ones first. */
  #latest(): Halted[] {
    const values = (this.followed("halts")?.sequence?.values ?? []) as Halted[];
    const latest = new Map(values.map((halted) => [halted.symbol, halted]));
    const shown = [...latest.values()].filter(({ state }) => state !== "trading" || this.settings.all === true);
    return shown.sort((a, b) => ORDER[a.state] - ORDER[b.state] || (b.since_ms ?? 0) - (a.since_ms ?? 0)).slice(0, 200);
  }
}

/** A pause may last longer than five minutes: then it is overdue, not over. */
function left(state: string, untilMs: number | null, now: number | null): string {
  if (untilMs === null || now === null || (state !== "paused" && state !== "limit")) return "";
  return untilMs >= now ? countdown(untilMs - now) : `+${countdown(now - untilMs)}`;
}

customElements.define("mesh-halts", MeshHalts);
