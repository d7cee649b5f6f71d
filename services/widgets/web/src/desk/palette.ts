import { html, nothing, type TemplateResult } from "lit";
import { percent, price, compact } from "../look/format";
import { signOf } from "../look/fields";
import { client } from "../share/connection";
import type { Subscription } from "../wire/channel";
import { showSymbol, type Command } from "./commands";

const MOST = 12;

interface Choice {
  title: TemplateResult | string;
  aside: TemplateResult | string;
  run: () => void;
}

/** What is found for a few letters: symbols of the whole market as the service has them now, then commands. */
export class Palette {
  text = "";
  place = 0;
  #subscription: Subscription | null = null;
  #commands: readonly Command[];
  #changed: () => void;
  #done: () => void;

  constructor(commands: readonly Command[], changed: () => void, done: () => void) {
    this.#commands = commands;
    this.#changed = changed;
    this.#done = done;
  }

  render(): TemplateResult {
    const choices = this.#choices();
    this.place = Math.min(this.place, Math.max(0, choices.length - 1));
    return html`<input class="query" role="combobox" aria-expanded="true" aria-controls="choices" aria-activedescendant="choice-${this.place}"
        aria-label="Symbol or command" placeholder="Symbol, or what to do" autocomplete="off" spellcheck="false" .value=${this.text}
        @input=${(event: Event) => this.#write((event.target as HTMLInputElement).value)} @keydown=${(event: KeyboardEvent) => this.#onKey(event, choices)}>
      <ul id="choices" role="listbox" aria-label="Found">${choices.map((choice, n) => html`
        <li id="choice-${n}" role="option" aria-selected=${String(n === this.place)} @click=${() => this.#take(choice)}>
          <span>${choice.title}</span><span class="aside">${choice.aside}</span></li>`)}</ul>
      ${choices.length ? nothing : html`<p class="empty">Nothing is called so</p>`}`;
  }

  /** The palette was closed. */
  close(): void {
    if (this.#subscription) client.unsubscribe(this.#subscription);
    this.#subscription = null;
  }

  #write(text: string): void {
    this.text = text;
    this.place = 0;
    const letters = text.trim().toUpperCase();
    this.close();
    if (/^[A-Z.]{1,8}$/.test(letters)) {
      this.#subscription = client.subscribe("row/*", {
        columns: ["last_usd", "change_pct", "volume_shares"], where: `starts_with(symbol, '${letters}')`,
        sort: "volume_shares", top: MOST, hz: 1,
      }, () => this.#changed());
    }
    this.#changed();
  }

  #choices(): Choice[] {
    const words = this.text.trim().toLowerCase();
    const commands = this.#commands.filter(({ title }) => title.toLowerCase().includes(words));
    return [...this.#symbols(), ...commands.map(({ title, key = "", run }) => ({
      title, aside: key ? html`<kbd>${key}</kbd>` : "", run,
    }))].slice(0, 3 * MOST);
  }

  #symbols(): Choice[] {
    const table = this.#subscription?.table;
    const exact = this.text.trim().toUpperCase();
    const order = [...(table?.order ?? [])].sort((a, b) => Number(b === exact) - Number(a === exact));
    return order.map((symbol) => {
      const [last, change, volume] = ["last_usd", "change_pct", "volume_shares"].map((name) => table!.cell(symbol, name) as number | null);
      return {
        title: html`<strong>${symbol}</strong>`,
        aside: html`${price(last)} <span class=${signOf(change)}>${percent(change)}</span> ${compact(volume)}`,
        run: () => showSymbol(symbol),
      };
    });
  }

  #onKey(event: KeyboardEvent, choices: Choice[]): void {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by) {
      event.preventDefault();
      this.place = (this.place + by + choices.length) % choices.length;
      this.#changed();
    } else if (event.key === "Enter" && choices[this.place]) this.#take(choices[this.place]);
  }

  #take(choice: Choice): void {
    this.#done();
    choice.run();
  }
}
