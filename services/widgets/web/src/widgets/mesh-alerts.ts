import { css, html, type PropertyValues, type TemplateResult } from "lit";
import { ALERT_KINDS, grouped, why, type Alert, type Grouped } from "../alerts/kinds";
import { heard } from "../alerts/heard";
import { SOUNDS, play } from "../alerts/sounds";
import { boundsForm } from "../look/bounds-form";
import { isWithin, type Bounds } from "../look/conditions";
import { signOf } from "../look/fields";
import { compact, percent, plain, price, time } from "../look/format";
import { sheet } from "../look/sheet";
import { list, listStyle, type ListColumn } from "./rows";
import { MeshWidget } from "./widget";

interface AlertSettings {
  /** Empty: all. */
  kinds: string[];
  bounds: Bounds;
  most: number;
  /** One line for what a symbol did again and again. */
  groups: boolean;
  /** Only those of the linked symbol. */
  linked: boolean;
  /** Empty: silent. */
  sound: string;
  volume: number;
}

const USUAL: AlertSettings = { kinds: [], bounds: {}, most: 200, groups: true, linked: false, sound: "", volume: 1 };
const FRESH_MS = 1_500;

/** `<mesh-alerts>`: what just happened to symbols, filtered, and called out by a sound if that is wanted. */
export class MeshAlerts extends MeshWidget {
  static override styles = [sheet, listStyle, css`
    .kind::before { content: attr(data-mark); display: inline-block; width: 1.3em; text-align: center; }
    .warn { color: var(--warn); }
    .times { color: var(--accent); }
    .why { max-width: 0; width: 40%; overflow: hidden; color: var(--soft); text-overflow: ellipsis; }
  `];

  /** Ids of those that were there when the list began: they are not called out. */
  #known: Set<string> | null = null;
  #cameMs = new Map<string, number>();

  get chosen(): AlertSettings {
    return { ...USUAL, ...this.settings } as AlertSettings;
  }

  override get heading(): string {
    const { kinds } = this.chosen;
    if (kinds.length === 2 && kinds.includes("high") && kinds.includes("low")) return "Range alerts";
    return kinds.length === 1 ? ALERT_KINDS[kinds[0]]?.title ?? "Alerts" : "Alerts";
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("settings") || changed.has("symbol") || !this.followed("alerts")) this.#follow();
  }

  override render(): TemplateResult {
    if (this.isSettingUp) return this.#setup();
    const { most, groups } = this.chosen;
    const passing = this.#passing();
    const items = groups ? grouped(passing, most) : passing.slice(-most).reverse().map((newest) => ({ newest, times: 1 }));
    return list<Grouped>({
      label: this.heading, items, columns: COLUMNS, total: items.length,
      symbol: ({ newest }) => newest.symbol, chosen: this.symbol, choose: (symbol) => this.choose(symbol),
      title: ({ newest }) => why(newest),
      mark: ({ newest }) => (performance.now() - (this.#cameMs.get(newest.id) ?? -Infinity) < FRESH_MS ? "fresh" : ""),
      empty: this.followed("alerts")?.sequence ? "Nothing yet that passes the filter" : "Loading…",
    });
  }

  #follow(): void {
    const { kinds, linked } = this.chosen;
    const symbol = linked && this.symbol ? this.symbol : "*";
    const kind = kinds.length === 1 ? kinds[0] : "*";
    const feed = `alert/${kind}/${symbol}`;
    if (this.followed("alerts")?.feed === feed) return;
    this.#known = null;
    this.follow("alerts", feed, {}, () => this.#onAlerts());
    if (this.followed("alerts")?.sequence) this.#onAlerts();
  }

  /** Call out what is new; what was there at first is not. */
  #onAlerts(): void {
    const values = (this.followed("alerts")?.sequence?.values ?? []) as Alert[];
    const known = this.#known;
    this.#known = new Set(values.map((alert) => alert.id));
    this.redraw();
    if (!known) return;
    const { sound, volume } = this.chosen;
    for (const alert of values) {
      if (known.has(alert.id) || !this.#passes(alert)) continue;
      this.#cameMs.set(alert.id, performance.now());
      if (sound) heard.call({ alert, by: this.heading, sound }, volume);
    }
    for (const id of this.#cameMs.keys()) if (!this.#known.has(id)) this.#cameMs.delete(id);
  }

  #passing(): Alert[] {
    const values = (this.followed("alerts")?.sequence?.values ?? []) as Alert[];
    return values.filter((alert) => this.#passes(alert));
  }

  #passes(alert: Alert): boolean {
    const { kinds, bounds } = this.chosen;
    return (!kinds.length || kinds.includes(alert.kind)) && isWithin(bounds, alert.row);
  }

  #setup(): TemplateResult {
    const { kinds, bounds, most, groups, linked, sound, volume } = this.chosen;
    const toggle = (kind: string) =>
      this.change({ kinds: kinds.includes(kind) ? kinds.filter((each) => each !== kind) : [...kinds, kind] });
    const value = (event: Event) => (event.target as HTMLInputElement).value;
    const checked = (event: Event) => (event.target as HTMLInputElement).checked;
    return html`<form class="settings" @submit=${(event: Event) => { event.preventDefault(); this.setUp(); }}>
      <h3>Kinds (none: all)</h3>
      <div class="fields">${Object.entries(ALERT_KINDS).map(([kind, { title }]) => html`
        <label><input type="checkbox" name=${kind} .checked=${kinds.includes(kind)} @change=${() => toggle(kind)}><span>${title}</span></label>`)}</div>
      <h3>Only symbols with</h3>
      ${boundsForm(bounds, (changed) => this.change({ bounds: changed }))}
      <div class="fields">
        <label><span>Most lines</span><input type="number" min="10" max="1000" .value=${String(most)}
          @change=${(event: Event) => this.change({ most: Math.min(1000, Math.max(10, Number(value(event)) || 200)) })}></label>
        <label><input type="checkbox" .checked=${groups} @change=${(event: Event) => this.change({ groups: checked(event) })}>
          <span>Group what repeats</span></label>
        <label><input type="checkbox" .checked=${linked} @change=${(event: Event) => this.change({ linked: checked(event) })}>
          <span>Linked symbol only</span></label>
      </div>
      <h3>Sound</h3>
      <div class="fields">
        <label><span>Sound</span><select name="sound" @change=${(event: Event) => { this.change({ sound: value(event) }); play(value(event), volume); }}>
          <option value="">silent</option>
          ${Object.keys(SOUNDS).map((name) => html`<option value=${name} ?selected=${name === sound}>${name}</option>`)}</select></label>
        <label><span>Volume</span><input type="range" min="0" max="1" step="0.05" .value=${String(volume)}
          @change=${(event: Event) => { this.change({ volume: Number(value(event)) }); play(sound, Number(value(event))); }}></label>
      </div>
      <p><button type="submit">Done</button></p>
    </form>`;
  }
}

const row = ({ newest }: Grouped, field: string) => newest.row[field] as number | null;

const COLUMNS: ListColumn<Grouped>[] = [
  { title: "Time", left: true, cell: ({ newest }) => time(newest.event_ms) },
  { title: "Symbol", left: true, cell: ({ newest }) => newest.symbol },
  {
    title: "What", left: true, tone: ({ newest }) => ALERT_KINDS[newest.kind]?.tone ?? "",
    cell: ({ newest, times }) => html`<span class="kind" data-mark=${ALERT_KINDS[newest.kind]?.mark ?? "•"}>
      ${ALERT_KINDS[newest.kind]?.title ?? newest.kind}</span>${times > 1 ? html` <span class="times" title="fired ${times} times">×${times}</span>` : ""}`,
  },
  { title: "Price", cell: ({ newest }) => price(newest.price_usd) },
  { title: "Change", cell: (item) => percent(row(item, "change_pct")), tone: (item) => signOf(row(item, "change_pct")) },
  { title: "Volume", cell: (item) => compact(row(item, "volume_shares")) },
  { title: "Rel. vol.", cell: (item) => plain(row(item, "relative_volume")) },
  { title: "Float", cell: (item) => compact(row(item, "free_float_shares")) },
  { title: "Why", left: true, tone: () => "why", cell: ({ newest }) => why(newest) },
];

customElements.define("mesh-alerts", MeshAlerts);
