/** Icons drawn here, since no font can be relied on to have them: 16 by 16, in the colour of the text. */

import { html, type TemplateResult } from "lit";

const icon = (path: string): TemplateResult => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const attributes = { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": "1.4" };
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  line.setAttribute("stroke-linecap", "round");
  line.setAttribute("stroke-linejoin", "round");
  made.append(line);
  return html`${made}`;
};

const PATHS = {
  gear: "M2 4.5h6M12 4.5h2M10 2.8v3.4M2 11.5h2M8 11.5h6M6 9.8v3.4",
  out: "M6 3H3v10h10v-3M9 3h4v4M13 3L7.5 8.5",
  close: "M4 4l8 8M12 4l-8 8",
  bell: "M3.5 11.5h9l-1.2-1.8V7a3.3 3.3 0 0 0-6.6 0v2.7zM6.8 13.6a1.3 1.3 0 0 0 2.4 0",
  sound: "M2.5 6v4h2.3L8 12.8V3.2L4.8 6zM10.6 5.6a3.4 3.4 0 0 1 0 4.8M12.5 3.8a6 6 0 0 1 0 8.4",
  mute: "M2.5 6v4h2.3L8 12.8V3.2L4.8 6zM11 6.2l3.4 3.6M14.4 6.2L11 9.8",
  undo: "M3 6.5h6.5a3.3 3.3 0 0 1 0 6.6H6M3 6.5L5.8 3.7M3 6.5l2.8 2.8",
  locked: "M4 7.2h8v6H4zM5.6 7.2V5.4a2.4 2.4 0 0 1 4.8 0v1.8",
  unlocked: "M4 7.2h8v6H4zM5.6 7.2V5.4a2.4 2.4 0 0 1 4.6-1",
  layouts: "M2.5 2.5h5v6h-5zM9.5 2.5h4v3h-4zM9.5 7.5h4v6h-4zM2.5 10.5h5v3h-5z",
  plus: "M8 3v10M3 8h10",
  search: "M7 11.5a4.5 4.5 0 1 1 0-9 4.5 4.5 0 0 1 0 9zM10.4 10.4l3.1 3.1",
  looks: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
} as const;

/** A new one each time: an element is in one place only. */
export function drawn(name: keyof typeof PATHS): TemplateResult {
  return icon(PATHS[name]);
}
