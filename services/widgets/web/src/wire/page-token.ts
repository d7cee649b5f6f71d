/** Where the service is that this module came from, whatever page it is on; ends with a slash. */
export const SERVICE = new URL(".", import.meta.url).href;

const PLACE = 'meta[name="mesh-token"]';

/** Gives the token to connect with, null: none; `expired` says that the last one is of no use any more. */
export type GiveToken = (expired: boolean) => Promise<string | null>;

let give: GiveToken = tokenInPage;

/** The token of this page, wherever it comes from. */
export const pageToken: GiveToken = (expired) => give(expired);

/** Ask *other* for tokens from now on, instead of looking for one in the page. */
export function tokensFrom(other: GiveToken): void {
  give = other;
}

/**
 * The token that the service has put into this page; if it puts in none, that of the control plane. Of a page that was kept while the
 * service is away none is left, and it is fetched anew.
 *
 * @param expired whether the one in the page is of no use any more: the page is fetched anew for another
 * @returns rejected if the page cannot be fetched, or nobody is signed in
 */
async function tokenInPage(expired: boolean): Promise<string | null> {
  const here = document.querySelector<HTMLMetaElement>(PLACE);
  if (here && (expired || !here.content)) {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the page is not there: status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    here.content = page.querySelector<HTMLMetaElement>(PLACE)?.content ?? here.content;
  }
  return here?.content || tokenOfControl(expired);
}

let held: string | null = null;

const controlUrl = () => document.querySelector<HTMLMetaElement>('meta[name="mesh-control"]')?.content;

/** The token that the control plane gives to whoever is signed in there; null if there is none to ask. */
async function tokenOfControl(expired: boolean): Promise<string | null> {
  if (!controlUrl() || (held && !expired)) return held;
  const ask = async (path: string, more?: RequestInit) => {
    const answer = await fetch(`${controlUrl()}/v1/${path}`, { credentials: "include", ...more });
    offerSignIn(answer.status !== 401);
    if (!answer.ok) throw new Error();
    return answer.json();
  };
  const { csrf } = await ask("me");
  return held = (await ask("widgets-token", { method: "POST", headers: { "X-CSRF-Token": csrf } })).token;
}

/** Show the way to where a person signs in, and from there back to this page; *hidden* while it is of no use. */
export function offerSignIn(hidden: boolean): void {
  const link = document.querySelector<HTMLAnchorElement>("#sign-in");
  if (!link || !controlUrl()) return;
  link.hidden = hidden;
  link.href = `${controlUrl()}/sign-in?next=${encodeURIComponent(location.href)}`;
}

/** The token to connect with, and whether another may help. */
export class Token {
  #give: GiveToken;
  #last: string | null = null;
  #wasRefused = false;

  constructor(give: GiveToken) {
    this.#give = give;
  }

  async next(expired: boolean): Promise<string | null> {
    this.#last = await this.#give(expired || this.#wasRefused);
    return this.#last;
  }

  accepted(): void {
    this.#wasRefused = false;
  }

  /** The service does not know it; whether to try with another, once: it may have started again, with another key. */
  refused(): boolean {
    const mayTry = this.#last !== null && !this.#wasRefused;
    this.#wasRefused = true;
    return mayTry;
  }
}
