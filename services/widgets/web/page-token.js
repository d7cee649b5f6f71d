const PLACE = 'meta[name="mesh-token"]';

/**
 * The token that the service has put into this page, or null if it puts in none.
 *
 * @param {boolean} expired whether the one in the page is of no use any more: the page is fetched anew for another
 * @returns {Promise<?string>} rejected if the page cannot be fetched
 */
export async function pageToken(expired) {
  const here = document.querySelector(PLACE);
  if (here && expired) {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the page is not there: status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    here.content = page.querySelector(PLACE)?.content ?? here.content;
  }
  return here?.content || null;
}

/** The token to connect with, and whether another may help. */
export class Token {
  #give;
  #last = null;
  #wasRefused = false;

  /** @param {(expired: boolean) => Promise<?string>} give */
  constructor(give) {
    this.#give = give;
  }

  async next(expired) {
    this.#last = await this.#give(expired || this.#wasRefused);
    return this.#last;
  }

  accepted() {
    this.#wasRefused = false;
  }

  /** The service does not know it; whether to try with another, once: it may have started again, with another key. */
  refused() {
    const mayTry = this.#last !== null && !this.#wasRefused;
    this.#wasRefused = true;
    return mayTry;
  }
}
