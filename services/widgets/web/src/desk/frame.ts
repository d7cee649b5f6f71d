import { LitElement, html, nothing, type TemplateResult } from "lit";
import type { MeshWidget, Settings } from "../widgets/widget";
import { drawn } from "../look/icons";
import { KINDS } from "./kinds";
import { COLOURS, links, type Colour } from "./links";
import type { Placed } from "./model";
import { store } from "./store";

const LOOK_MS = 250;
/** Conditions that the light alone says. */
const UNSAID = ["live", "simulated", "recorded", "empty"];

/** The frame of a widget on the desk: its name, its link colour, how well it is served, and what can be done with it. */
export class MeshFrame extends LitElement {
  static override properties = { placed: { attribute: false }, locked: { type: Boolean, reflect: true }, isRenaming: { state: true } };

  declare placed: Placed;
  declare locked: boolean;
  declare isRenaming: boolean;

  #widget: MeshWidget | null = null;
  #looking: ReturnType<typeof setInterval> | undefined;
  #said = "";
  #icons = { gear: drawn("gear"), out: drawn("out"), close: drawn("close") };

  constructor() {
    super();
    this.locked = false;
    this.isRenaming = false;
  }

  /** The page's own style applies. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  get widget(): MeshWidget | null {
    return this.#widget;
  }

  get name(): string {
    return this.placed.title ?? this.#widget?.heading ?? this.placed.kind;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    links.addEventListener("change", this.#onLinks);
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    links.removeEventListener("change", this.#onLinks);
    clearInterval(this.#looking);
  }

  override render(): TemplateResult {
    const { link } = this.placed;
    return html`<header class="frame-head" tabindex="0" role="group" aria-roledescription="widget"
        aria-label=${`${this.name}. Space to move or resize with the arrow keys.`} @dblclick=${() => { this.isRenaming = !this.locked; }}>
      <button class="link" data-colour=${link ?? "none"} aria-label=${link ? `Linked ${link}` : "Not linked"} title="Link colour"
        popovertarget=${`link-${this.placed.id}`}></button>
      <div class="colours" id=${`link-${this.placed.id}`} popover @toggle=${this.#onColours} role="menu" aria-label="Link colour">
        ${[null, ...COLOURS].map((colour) => html`<button class="link" role="menuitemradio" data-colour=${colour ?? "none"}
          aria-checked=${String(colour === link)} aria-label=${colour ?? "none"} title=${colour ?? "no link"}
          @click=${() => this.#link(colour)}></button>`)}
      </div>
      ${this.isRenaming
        ? html`<input class="rename" aria-label="Name of the widget" .value=${this.name} @blur=${this.#onRenamed}
            @keydown=${(event: KeyboardEvent) => event.key === "Enter" && (event.target as HTMLElement).blur()}>`
        : html`<h2 title=${this.name}>${this.name}</h2>`}
      <span class="state" role="img" aria-label="connecting"></span><span class="state-text"></span>
      <button class="tool" data-do="set-up" title="Settings" aria-label="Settings of ${this.name}" aria-pressed=${String(this.#widget?.isSettingUp ?? false)}
        @click=${() => { this.#widget?.setUp(); this.requestUpdate(); }}>${this.#icons.gear}</button>
      <button class="tool" data-do="pop-out" title="In a window of its own" aria-label="${this.name} in a window of its own" @click=${this.#popOut}>${this.#icons.out}</button>
      ${this.locked ? nothing : html`<button class="tool" data-do="close" title="Remove" aria-label="Remove ${this.name}"
        @click=${() => store.remove(this.placed.id)}>${this.#icons.close}</button>`}
    </header><div class="frame-body"></div>`;
  }

  protected override firstUpdated(): void {
    this.#load();
  }

  protected override updated(): void {
    if (this.isRenaming) this.querySelector<HTMLInputElement>(".rename")?.select();
    this.#onLinks();
    if (this.#widget && JSON.stringify(this.#widget.settings) !== JSON.stringify(this.placed.settings)) {
      this.#widget.settings = this.placed.settings;
    }
  }

  #load(): void {
    const kind = KINDS[this.placed.kind];
    const body = this.querySelector(".frame-body")!;
    if (!kind) {
      body.textContent = `This page knows no widget "${this.placed.kind}".`;
      return;
    }
    const widget = document.createElement(kind.tag) as MeshWidget;
    widget.settings = this.placed.settings;
    widget.addEventListener("mesh-settings", (event) => {
      store.edit(this.placed.id, { settings: (event as CustomEvent<Settings>).detail });
      this.requestUpdate();
    });
    widget.addEventListener("mesh-choose", (event) => this.#choose((event as CustomEvent<string>).detail));
    this.#widget = widget;
    this.#onLinks();
    body.replaceChildren(widget);
    this.requestUpdate();
  }

  /** A symbol was chosen in the widget: all of its colour show it, or it alone. */
  #choose(symbol: string): void {
    const { link } = this.placed;
    if (link) links.choose(link, symbol);
    else if (this.#widget) {
      this.#widget.symbol = symbol;
      store.edit(this.placed.id, { settings: { ...this.placed.settings, symbol } });
    }
  }

  readonly #onLinks = (): void => {
    if (!this.#widget) return;
    const own = typeof this.placed.settings.symbol === "string" ? this.placed.settings.symbol : "";
    const symbol = this.placed.link ? links.symbol(this.placed.link) : own;
    if (symbol === this.#widget.symbol) return;
    this.#widget.symbol = symbol;
    this.requestUpdate(); // the widget calls itself otherwise now
  };

  #link(colour: Colour | null): void {
    this.querySelector<HTMLElement>(".colours")?.hidePopover();
    store.edit(this.placed.id, { link: colour });
  }

  readonly #onColours = (event: Event): void => {
    const menu = event.target as HTMLElement;
    const { left, bottom } = this.querySelector(".link")!.getBoundingClientRect();
    menu.style.left = `${Math.min(left, innerWidth - 130)}px`;
    menu.style.top = `${bottom + 4}px`;
  };

  readonly #onRenamed = (event: Event): void => {
    const title = (event.target as HTMLInputElement).value.trim();
    this.isRenaming = false;
    store.edit(this.placed.id, { title: title && title !== this.#widget?.heading ? title : null });
  };

  readonly #popOut = (): void => {
    window.open(`?widget=${encodeURIComponent(this.placed.id)}`, `tickmesh-${this.placed.id}`, "popup,width=720,height=520");
  };

  /** Say how well the widget is served, where that has changed. */
  #look(): void {
    if (!this.#widget || document.hidden) return;
    const { tone, word, text } = this.#widget.condition;
    const light = this.querySelector<HTMLElement>(".state")!;
    if (light.matches(":hover")) light.title = text;
    const said = `${tone} ${word}`;
    if (said === this.#said) return;
    this.#said = said;
    light.dataset.tone = this.dataset.tone = tone;
    light.ariaLabel = word;
    this.querySelector(".state-text")!.textContent = UNSAID.includes(word) ? "" : word;
    this.requestUpdate(); // the widget may call itself otherwise now
  }
}

customElements.define("mesh-frame", MeshFrame);
