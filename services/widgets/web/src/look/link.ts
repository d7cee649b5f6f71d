import { html, type TemplateResult } from "lit";

/** *text* as a link, if *address* is one that may be followed: what a feed says is a link need not be. */
export function linked(text: string, address: string | null | undefined, allowed = /^https?:\/\//): TemplateResult | string {
  return allowed.test(address ?? "") ? html`<a href=${address!} target="_blank" rel="noopener noreferrer">${text}</a>` : text;
}

export const HTTPS_ONLY = /^https:\/\//;
