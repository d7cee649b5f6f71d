/** Link colours: widgets of one colour show one symbol, in every window of this browser, and after a reload. */

export const COLOURS = ["red", "orange", "yellow", "green", "blue", "violet", "pink", "cyan", "white"] as const;
export type Colour = (typeof COLOURS)[number];

const KEY = "tickmesh.links";

class Links extends EventTarget {
  #symbols: Partial<Record<Colour, string>> = read();

  constructor() {
    super();
    window.addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      this.#symbols = read();
      this.dispatchEvent(new Event("change"));
    });
  }

  /** The symbol of a colour; empty: none is chosen. */
  symbol(colour: Colour | null): string {
    return (colour && this.#symbols[colour]) || "";
  }

  choose(colour: Colour, symbol: string): void {
    this.#symbols = { ...this.#symbols, [colour]: symbol };
    localStorage.setItem(KEY, JSON.stringify(this.#symbols));
    this.dispatchEvent(new Event("change"));
  }
}

function read(): Partial<Record<Colour, string>> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

export const links = new Links();
