// @ts-check
import { button, call, complain, el, onSubmit, place } from "./people.js";

const ROLES = ["viewer", "operator", "admin"];

/** @typedef {{name: string, role: string, provider: string, has_password: boolean, is_disabled: boolean, revision: number}} User */

/**
 * The accounts, for whoever decides about them.
 * @param {string} own the name of who looks at them
 */
export async function showUsers(own) {
  place("users").hidden = false;

  async function show() {
    const answer = await call("/v1/users");
    if (!answer.ok) return complain(answer.message);
    place("people").replaceChildren(...answer.data.users.map((/** @type {User} */ user) => row(user)));
  }

  /** @param {User} user */
  function row(user) {
    const roles = /** @type {HTMLSelectElement} */ (el("select", { "aria-label": `Role of ${user.name}` }, ...ROLES.map((role) => el("option", { selected: role === user.role }, role))));
    roles.disabled = user.name === own || user.provider !== "local";
    roles.addEventListener("change", () => change(user, { role: roles.value }));
    const doings = [
      user.provider === "local" ? button("New link", `New link for ${user.name} to choose a password`, () => reset(user)) : "",
      " ",
      button(user.is_disabled ? "Enable" : "Disable", `${user.is_disabled ? "Enable" : "Disable"} ${user.name}`, () => change(user, { is_disabled: !user.is_disabled })),
    ];
    return el("tr", {}, el("td", {}, user.name), el("td", {}, roles), el("td", {}, state(user)),
      el("td", {}, ...(user.name === own ? [el("span", { class: "badge" }, "you")] : doings)));
  }

  /** @param {User} user */
  function state(user) {
    const text = user.is_disabled ? "disabled" : user.provider !== "local" ? `by ${user.provider}` : user.has_password ? "active" : "has not chosen a password";
    return el("span", { class: text === "active" ? "badge good" : "badge" }, text);
  }

  /** @param {User} user @param {object} what */
  async function change(user, what) {
    const answer = await call(`/v1/users/${encodeURIComponent(user.name)}`, { revision: user.revision, ...what }, "PATCH");
    complain(answer.ok ? "" : answer.message);
    await show();
  }

  /** @param {User} user */
  async function reset(user) {
    invite(await call(`/v1/users/${encodeURIComponent(user.name)}/reset`, {}));
    await show();
  }

  /** @param {import("./people.js").Answer} answer */
  function invite(answer) {
    complain(answer.ok ? "" : answer.message);
    place("once").hidden = !answer.ok;
    if (!answer.ok) return;
    place("once-name").textContent = answer.data.user.name;
    place("once-link").textContent = answer.data.link;
  }

  onSubmit(place("new-user"), async () => {
    const answer = await call("/v1/users", { name: place("new-name").value, role: place("new-role").value });
    invite(answer);
    if (answer.ok) place("new-user").reset();
    await show();
  });
  place("copy").addEventListener("click", () => navigator.clipboard.writeText(place("once-link").textContent));
  await show();
}
