import { answerOf } from "./answers";

/** A picture that needs the token of this page: fetched, and shown from memory. */
export class Logo {
  /** Of the picture, as the `src` of an image; null: there is none. */
  address: string | null = null;
  readonly #changed: () => void;
  #path: string | null = null;
  #abort: AbortController | null = null;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Show the picture at *path*, or none. */
  show(path: string | null): void {
    if (path === this.#path) return;
    this.#path = path;
    this.#abort?.abort();
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
    if (path) void this.#fetch(path, this.#abort = new AbortController());
  }

  async #fetch(path: string, { signal }: AbortController): Promise<void> {
    try {
      const picture = await (await answerOf(path.replace(/^\//, ""), signal)).blob();
      if (signal.aborted || !picture.type.startsWith("image/")) return;
      this.address = URL.createObjectURL(picture);
      this.#changed();
    } catch {
      // without its logo a company is shown with letters
    }
  }
}
