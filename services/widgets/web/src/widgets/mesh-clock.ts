import { css, html, type TemplateResult } from "lit";
import { countdown, newYorkTime, session } from "../look/format";
import { sessionAt } from "../look/sessions";
import { sheet } from "../look/sheet";
import { tapeClock } from "../share/tape";
import { MeshWidget } from "./widget";

const TICK_MS = 250;

/** `<mesh-clock>`: which session it is, and how long until the next. */
export class MeshClock extends MeshWidget {
  static override styles = [sheet, css`
    div { display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 2px; height: 100%; }
    .time { font-size: 24px; font-weight: 600; }
    .session { font-weight: 600; }
    [data-session="regular"] { color: var(--up); }
    [data-session="pre"], [data-session="post"] { color: var(--accent); }
  `];

  #tick: ReturnType<typeof setInterval> | undefined;

  override get heading(): string {
    return "Market clock";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.follow("market", "row/*", { columns: ["event_ms"], top: 1, hz: 1 });
    this.#tick = setInterval(() => this.requestUpdate(), TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#tick);
  }

  override setUp(): void {}

  override render(): TemplateResult {
    const now = tapeClock.now();
    if (now === null) return html`<p class="empty">Waiting for the tape…</p>`;
    const { session: here, next, leftMs } = sessionAt(now);
    const said = this.followed("market")?.table?.head?.session ?? here;
    return html`<div role="timer" aria-live="off"><span class="time">${newYorkTime(now)}</span>
      <span class="session" data-session=${said}>${session(said)}</span>
      <span class="soft">${session(next)} in ${countdown(leftMs)}</span></div>`;
  }
}

customElements.define("mesh-clock", MeshClock);
