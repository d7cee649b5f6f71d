/** How the whole page looks and sounds for this person, kept in this browser. */

export interface Appearance {
  theme: "dark" | "light";
  /** Colours of rising and falling; all but the first are told apart by those who see red and green alike. */
  scheme: "green-red" | "blue-orange" | "teal-magenta";
  density: "dense" | "comfortable";
  /** How changes light up. */
  highlight: "normal" | "calm" | "off";
  muted: boolean;
  /** 0 to 1. */
  volume: number;
  /** Whether alerts may show a notification of the system while the page is in the background. */
  notify: boolean;
}

const KEY = "tickmesh.appearance";
const USUAL: Appearance = {
  theme: "dark", scheme: "green-red", density: "dense", highlight: "normal", muted: false, volume: 0.6, notify: false,
};

class AppearanceStore extends EventTarget {
  now: Appearance = { ...USUAL, ...stored() };

  change(changes: Partial<Appearance>): void {
    this.now = { ...this.now, ...changes };
    localStorage.setItem(KEY, JSON.stringify(this.now));
    this.apply();
  }

  /** Make the page look as it should. */
  apply(): void {
    const { theme, scheme, density, highlight } = this.now;
    Object.assign(document.documentElement.dataset, { theme, scheme, density, highlight });
    document.querySelector<HTMLMetaElement>('meta[name="color-scheme"]')?.setAttribute("content", theme);
    this.dispatchEvent(new Event("change"));
  }

  /** Another window has changed it. */
  reload(): void {
    this.now = { ...USUAL, ...stored() };
    this.apply();
  }
}

function stored(): Partial<Appearance> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

export const appearance = new AppearanceStore();

window.addEventListener("storage", (event) => {
  if (event.key === KEY) appearance.reload();
});
