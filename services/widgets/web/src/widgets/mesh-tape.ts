import { css, html, type PropertyValues, type TemplateResult } from "lit";
import { compact, price, time } from "../look/format";
import { sheet } from "../look/sheet";
import { list, listStyle } from "./rows";
import { MeshWidget } from "./widget";

interface Trade {
  symbol: string;
  event_ms: number;
  sequence: number;
  price_usd: number;
  size_shares: number;
  conditions: number[];
}

interface Print extends Trade {
  /** Against the price before. */
  tone: string;
}

const MOST = 150;

/** `<mesh-tape symbol="AAPL">`: every trade of a symbol, newest first, in the colour of its step. */
export class MeshTape extends MeshWidget {
  static override styles = [sheet, listStyle, css`
    tr[title*="large"] td { font-weight: 650; background: rgb(var(--accent-rgb) / 10%); }
  `];

  override get heading(): string {
    return this.symbol ? `Tape · ${this.symbol}` : "Time and sales";
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("symbol") && this.followed("trades")) return;
    if (this.symbol) this.follow("trades", `trades/${this.symbol}`);
    else this.unfollow("trades");
  }

  override setUp(): void {
    const least = Number(this.settings.least ?? 0);
    this.change({ least: least ? 0 : 100 });
  }

  override render(): TemplateResult {
    if (!this.symbol) return html`<p class="empty">Choose a symbol in a linked widget</p>`;
    const least = Number(this.settings.least ?? 0);
    return list<Print>({
      label: this.heading, items: this.#prints(least), symbol: () => this.symbol, chosen: "", choose: () => {},
      title: (print) => (print.size_shares >= 10_000 ? "large" : ""),
      columns: [
        { title: "Time", left: true, cell: (print) => time(print.event_ms) },
        { title: "Price", cell: (print) => price(print.price_usd), tone: (print) => print.tone },
        { title: "Size", cell: (print) => compact(print.size_shares) },
      ],
      empty: least ? `No trade of ${least} shares or more since this was opened` : "No trade since this was opened",
    });
  }

  #prints(least: number): Print[] {
    const trades = (this.followed("trades")?.sequence?.values ?? []) as Trade[];
    let before = 0;
    let tone = "";
    const prints = trades.map((trade) => {
      if (before && trade.price_usd !== before) tone = trade.price_usd > before ? "up" : "down";
      before = trade.price_usd;
      return { ...trade, tone };
    });
    return prints.filter((print) => print.size_shares >= least).slice(-MOST).reverse();
  }
}

customElements.define("mesh-tape", MeshTape);
