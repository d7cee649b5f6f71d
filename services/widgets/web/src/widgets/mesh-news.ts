import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { duration, time } from "../look/format";
import { linked } from "../look/link";
import { sheet } from "../look/sheet";
import { tapeClock } from "../share/tape";
import { MeshWidget } from "./widget";

/** What is shown of `schemas/news.py`. */
interface Article {
  id: string;
  /** A greater one takes the place of those before, under the same id. */
  revision?: number;
  published_ms: number;
  title: string;
  summary?: string | null;
  link?: string | null;
  source?: string | null;
  tickers?: string[];
  sentiment?: string | null;
  confidence?: number | null;
  impact?: string;
  topic?: string | null;
}

const MOST = 200;
const TICK_MS = 15_000;

/** `<mesh-news>`: articles, newest first; those about the linked symbol alone if that is set. */
export class MeshNews extends MeshWidget {
  static override styles = [sheet, css`
    .bar { display: flex; gap: 8px; align-items: center; padding: 4px 8px; border-bottom: 1px solid var(--line); }
    .bar input[type="search"] { flex: 1; }
    section { display: flex; flex-direction: column; height: 100%; }
    .scroll { flex: 1; min-height: 0; }
    article { padding: 5px 10px; border-bottom: 1px solid var(--hair); }
    article:hover { background: var(--hover); }
    h3 { font-size: inherit; font-weight: 550; line-height: 1.35; }
    a { color: inherit; text-decoration: none; }
    a:hover { color: var(--accent); text-decoration: underline; }
    .meta { display: flex; flex-wrap: wrap; gap: 2px 8px; color: var(--faint); font-size: 11px; }
    .meta button { padding: 0 4px; border-radius: 3px; color: var(--accent); font-size: 11px; }
    .mood::before { content: "●"; margin-right: 3px; color: var(--faint); }
    .mood[data-mood="positive"]::before { color: var(--up); }
    .mood[data-mood="negative"]::before { color: var(--down); }
    .age[data-young] { color: var(--warn); }
    .topic { padding: 0 4px; border: 1px solid var(--line); border-radius: 3px; }
    .topic[data-impact="high"] { border-color: var(--warn); color: var(--warn); }
    details p { padding: 4px 0 2px; color: var(--soft); line-height: 1.45; }
    summary { color: var(--faint); font-size: 11px; cursor: pointer; }
  `];

  #search = "";
  #tick: ReturnType<typeof setInterval> | undefined;

  override get heading(): string {
    return this.settings.linked ? `News · ${this.symbol || "no symbol"}` : "News";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#tick = setInterval(() => this.requestUpdate(), TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#tick);
  }

  override setUp(): void {
    this.change({ linked: !this.settings.linked });
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("symbol") && !changed.has("settings") && this.followed("news")) return;
    if (!this.settings.linked) this.follow("news", "news/*");
    else if (this.symbol) this.follow("news", `news/${this.symbol}`);
    else this.unfollow("news");
  }

  override render(): TemplateResult {
    if (this.settings.linked && !this.symbol) return html`<p class="empty">Choose a symbol in a linked widget</p>`;
    const articles = this.#articles();
    return html`<section>
      <div class="bar"><input type="search" aria-label="Search the news" placeholder="Search title, source, symbol" .value=${this.#search}
        @input=${(event: Event) => { this.#search = (event.target as HTMLInputElement).value; this.requestUpdate(); }}>
        <span class="faint">${articles.length}</span></div>
      <div class="scroll" tabindex="0" role=${articles.length ? "feed" : "group"} aria-label=${this.heading}>
        ${articles.length ? articles.map((article, n) => this.#article(article, n)) : html`<p class="empty">${
          this.followed("news")?.sequence ? "No article yet" : "Loading…"}</p>`}
      </div></section>`;
  }

  #article(article: Article, n: number): TemplateResult {
    const { title, link, source, tickers = [], sentiment, summary, published_ms, confidence, topic, impact = "" } = article;
    const now = tapeClock.now();
    const ageMs = now === null ? null : Math.max(0, now - published_ms);
    return html`<article aria-posinset=${n + 1} aria-setsize="-1">
      <h3>${linked(title, link)}</h3>
      <div class="meta"><span class="age" ?data-young=${ageMs !== null && ageMs < 900_000}
          title=${time(published_ms)}>${ageMs === null ? time(published_ms) : `${duration(ageMs)} ago`}</span>
        ${source ? html`<span>${source}</span>` : nothing}
        ${topic || impact === "high" ? html`<span class="topic" data-impact=${impact} title="impact: ${impact}">${topic ?? impact}</span>` : nothing}
        ${sentiment ? html`<span class="mood" data-mood=${sentiment} title=${confidence == null ? nothing : `confidence ${Math.round(100 * confidence)} %`}>
          ${sentiment}</span>` : nothing}
        ${tickers.slice(0, 6).map((symbol) => html`<button @click=${() => this.choose(symbol)}>${symbol}</button>`)}</div>
      ${summary ? html`<details><summary>Summary</summary><p>${summary}</p></details>` : nothing}
    </article>`;
  }

  /** Newest first, each once and in its last version: an article about several symbols comes several times. */
  #articles(): Article[] {
    const values = (this.followed("news")?.sequence?.values ?? []) as Article[];
    const once = new Map<string, Article>();
    for (const article of values) {
      if ((article.revision ?? 0) >= (once.get(article.id)?.revision ?? 0)) once.set(article.id, article);
    }
    const words = this.#search.toLowerCase().split(/\s+/).filter(Boolean);
    const text = ({ title, source, tickers }: Article) => [title, source, ...(tickers ?? [])].join(" ").toLowerCase();
    return [...once.values()].filter((article) => words.every((word) => text(article).includes(word)))
      .sort((a, b) => b.published_ms - a.published_ms).slice(0, MOST);
  }
}

customElements.define("mesh-news", MeshNews);
