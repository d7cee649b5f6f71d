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
 * The token that the service has put into this page, or null if it puts in none. Of a page that was kept while the
 * service is away none is left, and it is fetched anew.
 *
 * @param expired whether the one in the page is of no use any more: the page is fetched anew for another
 * @returns rejected if the page cannot be fetched
 */
async function tokenInPage(expired: boolean): Promise<string | null> {
  const here = document.querySelector<HTMLMetaElement>(PLACE);
  if (here && (expired || !here.content)) {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the page is not there: status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    here.content = page.querySelector<HTMLMetaElement>(PLACE)?.content ?? here.content;
  }
  return here?.content || null;
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
