import { html, nothing, render, type TemplateResult } from "lit";
import { heard } from "../alerts/heard";
import { drawn } from "../look/icons";
import { appearance } from "../look/settings";
import { commands, onKey, type Shell } from "./commands";
import { alertsDialog, appearanceDialog, keysDialog, layoutsDialog } from "./dialogs";
import type { Grid } from "./grid";
import { KINDS, OFFERS, type Offer } from "./kinds";
import type { Desk as Layouts } from "./model";
import { Palette } from "./palette";
import { ServerCopy } from "./server-copy";
import { store } from "./store";

type Dialog = Parameters<Shell["open"]>[0];

const ICONS = ["bell", "sound", "mute", "undo", "locked", "unlocked", "layouts", "plus", "search", "looks", "close"] as const;

/** The tools above the desk, and what they open. */
export class Desk implements Shell {
  #grid: Grid;
  #tools: HTMLElement;
  #dialog: HTMLDialogElement;
  #announcer: HTMLElement;
  #toast: HTMLElement;
  #open: Dialog | null = null;
  #palette: Palette | null = null;
  #icons = Object.fromEntries(ICONS.map((name) => [name, drawn(name)]));
  #conflict: HTMLElement;
  #copy = new ServerCopy((theirs) => this.#askWhich(theirs));
  #hiding: ReturnType<typeof setTimeout> | undefined;

  constructor(grid: Grid, parts: { tools: HTMLElement; dialog: HTMLDialogElement; announcer: HTMLElement; toast: HTMLElement; conflict: HTMLElement }) {
    this.#grid = grid;
    this.#tools = parts.tools;
    this.#dialog = parts.dialog;
    this.#announcer = parts.announcer;
    this.#toast = parts.toast;
    this.#conflict = parts.conflict;
    this.#dialog.addEventListener("close", () => this.#onClosed());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    for (const source of [store, appearance, heard]) source.addEventListener("change", () => this.show());
    document.addEventListener("keydown", (event) => onKey(event, commands(this)));
    this.show();
    void this.#copy.begin();
  }

  /** Show everything as it is now. */
  show(): void {
    this.#grid.apply(store.layout.widgets, store.desk.locked);
    render(this.#toolbar(), this.#tools);
    document.body.classList.toggle("locked", store.desk.locked);
    if (this.#open) render(this.#content(this.#open), this.#dialog);
  }

  add(offer: Offer): void {
    if (store.desk.locked) return this.say("The desk is locked: unlock it first (e)");
    const { w, h } = { ...KINDS[offer.kind], ...offer };
    const id = store.add({ kind: offer.kind, title: null, link: "blue", settings: offer.settings, w, h, ...this.#grid.free(w, h) });
    this.#grid.reveal(id);
    this.say(`${offer.title} added`);
  }

  open(dialog: Dialog): void {
    this.#open = dialog;
    if (dialog === "palette") this.#palette = new Palette(commands(this), () => this.show(), () => this.#dialog.close());
    if (dialog === "alerts") heard.seen();
    this.#dialog.className = `is-${dialog}`;
    render(this.#content(dialog), this.#dialog);
    this.#dialog.showModal();
    this.#dialog.querySelector("input")?.focus();
  }

  /** To whoever sees, and to whoever listens. */
  say(text: string): void {
    this.#announcer.textContent = this.#toast.textContent = text;
    this.#toast.hidden = false;
    clearTimeout(this.#hiding);
    this.#hiding = setTimeout(() => { this.#toast.hidden = true; }, 4_000);
  }

  /** Two browsers have changed the layouts: neither is lost without a person saying so. */
  #askWhich(theirs: Layouts): void {
    const settle = (chosen: Layouts | null) => {
      this.#conflict.hidden = true;
      this.#copy.settle(chosen);
    };
    render(html`Another browser has saved other layouts (${theirs.layouts.map((layout) => layout.name).join(", ")}).
      <button @click=${() => settle(theirs)}>Take those</button> <button @click=${() => settle(null)}>Keep mine</button>`, this.#conflict);
    this.#conflict.hidden = false;
  }

  #onClosed(): void {
    this.#palette?.close();
    this.#palette = this.#open = null;
    render(nothing, this.#dialog);
  }

  #content(dialog: Dialog): TemplateResult {
    const what = {
      palette: () => this.#palette!.render(), keys: () => keysDialog(commands(this)), alerts: alertsDialog,
      layouts: () => layoutsDialog((text) => this.say(text)), appearance: appearanceDialog,
    }[dialog]();
    return html`${dialog === "palette" ? nothing : html`<button class="close" aria-label="Close" @click=${() => this.#dialog.close()}>${this.#icons.close}</button>`}${what}`;
  }

  #toolbar(): TemplateResult {
    const { locked, active } = store.desk;
    const { muted } = appearance.now;
    return html`<button class="search" @click=${() => this.open("palette")}>${this.#icons.search} Search <kbd>/</kbd></button>
      <select name="layout" aria-label="Layout" @change=${(event: Event) => store.show((event.target as HTMLSelectElement).value)}>
        ${store.names.map((name) => html`<option value=${name} .selected=${name === active}>${name}</option>`)}</select>
      <button title="Layouts (l)" aria-label="Layouts" @click=${() => this.open("layouts")}>${this.#icons.layouts}</button>
      <button popovertarget="offers" ?disabled=${locked} title="Add a widget">${this.#icons.plus} Add</button>
      <div id="offers" popover role="menu" aria-label="Add a widget" @toggle=${this.#placeOffers}>${OFFERS.map((offer) => html`
        <button role="menuitem" @click=${() => this.#offer(offer)}><strong>${offer.title}</strong><span>${offer.about}</span></button>`)}</div>
      <button title="Undo (Ctrl+z)" aria-label="Undo" ?disabled=${!store.canUndo} @click=${() => store.undo()}>${this.#icons.undo}</button>
      <button title=${locked ? "Unlock the desk (e)" : "Lock the desk (e)"} aria-label="Lock the desk" aria-pressed=${String(locked)} @click=${() => store.lock(!locked)}>
        ${locked ? this.#icons.locked : this.#icons.unlocked}</button>
      <button class="bell" title="Alerts so far (a)" aria-label="Alerts so far, ${heard.unseen} new" @click=${() => this.open("alerts")}>${this.#icons.bell}${
        heard.unseen ? html`<b>${heard.unseen > 99 ? "99+" : heard.unseen}</b>` : nothing}</button>
      <button title=${muted ? "Unmute (m)" : "Mute (m)"} aria-label="Mute" aria-pressed=${String(muted)}
        @click=${() => appearance.change({ muted: !muted })}>${muted ? this.#icons.mute : this.#icons.sound}</button>
      <button title="Looks and sounds (,)" aria-label="Looks and sounds" @click=${() => this.open("appearance")}>${this.#icons.looks}</button>
      <button title="Keys (?)" aria-label="Keys" @click=${() => this.open("keys")}>?</button>`;
  }

  readonly #placeOffers = (event: Event): void => {
    const menu = event.target as HTMLElement;
    const { left, bottom } = this.#tools.querySelector('[popovertarget="offers"]')!.getBoundingClientRect();
    menu.style.left = `${Math.max(4, Math.min(left, innerWidth - 330))}px`;
    menu.style.top = `${bottom + 4}px`;
  };

  #offer(offer: Offer): void {
    this.#tools.querySelector<HTMLElement>("#offers")?.hidePopover();
    this.add(offer);
  }
}
