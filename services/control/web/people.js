// @ts-check
/** What the pages of sign-in and account share: calls, and elements made in a few words. */

/**
 * @typedef {{ok: boolean, status: number, data: any, message: string}} Answer
 */

let csrf = "";

/**
 * Ask for something, or with a body have something done.
 * @param {string} path
 * @param {object} [body]
 * @param {string} [method]
 * @returns {Promise<Answer>}
 */
export async function call(path, body, method = body ? "POST" : "GET") {
  try {
    const answer = await fetch(path, {
      method, credentials: "same-origin", cache: "no-store", redirect: "error",
      headers: body ? { "content-type": "application/json", "x-csrf-token": csrf } : {},
      body: body ? JSON.stringify(body) : null,
    });
    const data = await answer.json().catch(() => null);
    return { ok: answer.ok, status: answer.status, data, message: data?.message ?? `the answer was ${answer.status}` };
  } catch {
    return { ok: false, status: 0, data: null, message: "the control plane does not answer: try again in a moment" };
  }
}

/** Who is signed in; null if nobody is. The page can then have things done. */
export async function me() {
  const answer = await call("/v1/me");
  csrf = answer.data?.csrf ?? "";
  return answer.ok ? answer.data : null;
}

/** @param {string} id @returns {any} */
export const place = (id) => document.getElementById(id);

/**
 * Text is text, never markup.
 * @param {string} tag
 * @param {Record<string, string | boolean>} attributes
 * @param {...(Node | string)} children
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/**
 * @param {string} text
 * @param {string} label what it does, for those who hear the page and not see the row
 * @param {() => Promise<unknown>} act
 */
export function button(text, label, act) {
  const made = /** @type {HTMLButtonElement} */ (el("button", { type: "button", "aria-label": label }, text));
  made.addEventListener("click", async () => {
    made.disabled = true;
    await act();
    made.disabled = false;
  });
  return made;
}

/** @param {string} say @param {string} [place_] */
export function complain(say, place_ = "wrong") {
  place(place_).textContent = say && `${say[0]?.toUpperCase()}${say.slice(1)}.`;
}

/**
 * Have a form do something instead of loading a page.
 * Its button is disabled until now: sent by the browser itself, a password would stand in the address.
 * @param {HTMLFormElement} form
 * @param {() => Promise<unknown>} act
 */
export function onSubmit(form, act) {
  const send = /** @type {HTMLButtonElement} */ (form.querySelector("button.main"));
  send.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    form.setAttribute("aria-busy", "true");
    await act();
    send.disabled = false;
    form.removeAttribute("aria-busy");
  });
}

/** Let a checkbox show what is typed in fields of passwords. */
export function showable() {
  place("show")?.addEventListener("change", () => {
    for (const field of document.querySelectorAll("input[data-password]")) {
      field.setAttribute("type", place("show").checked ? "text" : "password");
    }
  });
}
