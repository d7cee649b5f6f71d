/**
 * For pages of other sites: `<mesh-board name="gainers">` and all other widgets, wherever they stand.
 *
 * A page whose origin the service does not know is given none of this by its browser, and shows what it has put
 * between the tags.
 */

import { KINDS } from "./desk/kinds";
import { client } from "./share/connection";
import { SERVICE } from "./wire/page-token";
import type { MeshWidget } from "./widgets/widget";

export { tokensFrom } from "./wire/page-token";

const LOOK_MS = 250;
const TAGS = [...new Set(Object.values(KINDS).map((kind) => kind.tag))];

/** On a desk the frame of a widget says how it is served: here it says so itself, unless all is well. */
function sayStanding(): void {
  for (const widget of document.querySelectorAll<MeshWidget>(TAGS.join())) {
    const { tone, text } = widget.condition;
    if (tone === "good") widget.removeAttribute("standing");
    else if (widget.getAttribute("standing") !== text) widget.setAttribute("standing", text);
  }
}

const looks = document.createElement("link");
looks.rel = "stylesheet";
looks.href = `${SERVICE}tokens.css`;
document.head.prepend(looks); // first, so that the page's own rules are stronger
setInterval(sayStanding, LOOK_MS);
setTimeout(() => client.connect()); // only now: whoever imports this may say where tokens come from
