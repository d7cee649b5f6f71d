/** Everything that can be done on the desk, by name: what the palette lists and keys call. */

import { appearance } from "../look/settings";
import { OFFERS, type Offer } from "./kinds";
import { links } from "./links";
import { store } from "./store";

export interface Command {
  title: string;
  /** As shown and pressed: a single character, or `Ctrl+z`. */
  key?: string;
  run: () => void;
}

/** What only the shell can do. */
export interface Shell {
  add: (offer: Offer) => void;
  open: (dialog: "palette" | "keys" | "layouts" | "appearance" | "alerts") => void;
  say: (text: string) => void;
}

export function commands(shell: Shell): Command[] {
  const cycle = <T>(values: readonly T[], now: T): T => values[(values.indexOf(now) + 1) % values.length];
  return [
    { title: "Search a symbol", key: "/", run: () => shell.open("palette") },
    { title: "All keys", key: "?", run: () => shell.open("keys") },
    { title: "Lock or unlock the desk", key: "e", run: () => {
      store.lock(!store.desk.locked);
      shell.say(store.desk.locked ? "Locked" : "Unlocked");
    } },
    { title: "Undo", key: "Ctrl+z", run: () => store.undo() },
    { title: "Mute or unmute all sounds", key: "m", run: () => {
      appearance.change({ muted: !appearance.now.muted });
      shell.say(appearance.now.muted ? "Muted" : "Sounds on");
    } },
    { title: "Layouts", key: "l", run: () => shell.open("layouts") },
    { title: "Alerts so far", key: "a", run: () => shell.open("alerts") },
    { title: "Looks and sounds", key: ",", run: () => shell.open("appearance") },
    { title: "Dark or light", key: "t", run: () => appearance.change({ theme: appearance.now.theme === "dark" ? "light" : "dark" }) },
    { title: "Dense or comfortable", run: () => appearance.change({ density: appearance.now.density === "dense" ? "comfortable" : "dense" }) },
    { title: "Other colours of rising and falling", run: () => appearance.change({
      scheme: cycle(["green-red", "blue-orange", "teal-magenta"] as const, appearance.now.scheme),
    }) },
    ...store.names.slice(0, 9).map((name, n) => ({ title: `Layout: ${name}`, key: String(n + 1), run: () => store.show(name) })),
    ...OFFERS.map((offer) => ({ title: `Add: ${offer.title}`, run: () => shell.add(offer) })),
  ];
}

/** Show *symbol* in all widgets that are linked: of the colour that most of them have. */
export function showSymbol(symbol: string): void {
  const colours = store.layout.widgets.map((placed) => placed.link).filter((link) => link !== null);
  const usual = colours.sort((a, b) => colours.filter((each) => each === b).length - colours.filter((each) => each === a).length)[0];
  links.choose(usual ?? "blue", symbol);
}

/** Run the command of a key, unless somebody is writing; whether there was one. */
export function onKey(event: KeyboardEvent, list: readonly Command[]): boolean {
  const target = event.composedPath()[0] as HTMLElement;
  const isWriting = target.matches?.("input, textarea, select, [contenteditable]") ?? false;
  if (isWriting || event.altKey || document.querySelector("dialog[open]")) return false;
  const key = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.key}`;
  const found = list.find((command) => command.key === key) ?? (key === "Ctrl+k" ? list[0] : undefined);
  if (!found) return false;
  event.preventDefault();
  found.run();
  return true;
}
