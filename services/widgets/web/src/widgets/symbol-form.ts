import { html, type TemplateResult } from "lit";

/** Asks for a symbol, where a widget has none. */
export function symbolForm(text: string, choose: (symbol: string) => void): TemplateResult {
  const take = (event: Event) => {
    event.preventDefault();
    const symbol = String(new FormData(event.target as HTMLFormElement).get("symbol") ?? "").trim().toUpperCase();
    if (symbol) choose(symbol);
  };
  return html`<p class="empty">${text}</p><form class="ask" @submit=${take}>
    <input name="symbol" aria-label="Symbol" placeholder="Symbol" maxlength="20" autocomplete="off"><button>Show</button></form>`;
}
