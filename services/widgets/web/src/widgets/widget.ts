/** What every widget is to the desk, or to a page that has it alone. */

import { LitElement, type CSSResultGroup, type PropertyDeclarations } from "lit";
import { client } from "../share/connection";
import { widgetCondition, type Condition } from "../share/condition";
import type { Subscription } from "../wire/channel";
import type { View } from "../wire/protocol";
import { sheet } from "../look/sheet";

/** Settings of a widget, as a layout keeps them. */
export type Settings = Record<string, unknown>;

/** Renders at most so often: nobody reads faster. */
const REDRAW_MS = 120;

/**
 * A widget. It says `mesh-choose` when a person has chosen a symbol in it, and `mesh-settings` when a person has
 * changed its settings.
 */
export abstract class MeshWidget extends LitElement {
  static override styles: CSSResultGroup = [sheet];
  static override properties: PropertyDeclarations = {
    symbol: { type: String, reflect: true },
    settings: { attribute: false },
    isSettingUp: { state: true },
  };

  /** The symbol that it is about, if it is about one. */
  declare symbol: string;
  declare settings: Settings;
  /** Whether its settings are shown in its place. */
  declare isSettingUp: boolean;

  protected client = client;
  /** By a name of the widget's own. */
  #followed = new Map<string, { feed: string; subscription: Subscription }>();
  #redraw: ReturnType<typeof setTimeout> | 0 = 0;

  constructor() {
    super();
    this.symbol = "";
    this.settings = {};
    this.isSettingUp = false;
  }

  /** How the widget calls itself. */
  abstract get heading(): string;

  /** Whether nothing may happen in it for long without anything being wrong. */
  get isQuiet(): boolean {
    return true;
  }

  get condition(): Condition {
    const first = this.#followed.values().next().value;
    return widgetCondition(this.client, first?.subscription ?? null, this.isQuiet);
  }

  /** Show its settings, or no longer. */
  setUp(): void {
    this.isSettingUp = !this.isSettingUp;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const name of [...this.#followed.keys()]) this.unfollow(name);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  /** Follow *feed* under *name*, instead of whatever was followed under it. */
  protected follow(name: string, feed: string, view: View = {}, onUpdate: () => void = () => this.redraw()): Subscription {
    const known = this.#followed.get(name);
    if (known?.feed === feed) {
      this.client.setView(known.subscription, view);
      return known.subscription;
    }
    if (known) this.unfollow(name);
    const subscription = this.client.subscribe(feed, view, onUpdate);
    this.#followed.set(name, { feed, subscription });
    return subscription;
  }

  protected unfollow(name: string): void {
    const known = this.#followed.get(name);
    if (known) this.client.unsubscribe(known.subscription);
    this.#followed.delete(name);
  }

  protected followed(name: string): Subscription | null {
    return this.#followed.get(name)?.subscription ?? null;
  }

  /** Render soon, together with whatever else changes until then. */
  protected redraw(): void {
    this.#redraw ||= setTimeout(() => {
      this.#redraw = 0;
      if (this.isConnected) this.requestUpdate();
    }, REDRAW_MS);
  }

  protected choose(symbol: string): void {
    this.dispatchEvent(new CustomEvent("mesh-choose", { detail: symbol, bubbles: true, composed: true }));
  }

  /** A person has changed settings. */
  protected change(changes: Settings): void {
    this.settings = { ...this.settings, ...changes };
    this.dispatchEvent(new CustomEvent("mesh-settings", { detail: this.settings, bubbles: true, composed: true }));
  }
}
