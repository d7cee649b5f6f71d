// @ts-check
import { button, call, complain, el, me, onSubmit, place, showable } from "./people.js";
import { showUsers } from "./account-users.js";

const SIGN_IN = "/sign-in?next=/account";

/** @param {number} ms */
const moment = (ms) => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(ms);

/** What people call the browser that says *agent* of itself. @param {string} agent */
function browser(agent) {
  const name = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([part]) => agent.includes(part ?? ""));
  const system = ["Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux"].find((part) => agent.includes(part));
  return name ? `${name[1]}${system ? ` on ${system.replace(" OS X", "")}` : ""}` : agent || "unknown";
}

async function showSessions() {
  const answer = await call("/v1/sessions");
  if (!answer.ok) return complain(answer.message);
  place("sessions").replaceChildren(...answer.data.sessions.map((/** @type {any} */ each) => el("tr", {},
    el("td", { title: each.agent }, browser(each.agent)),
    el("td", {}, each.address), el("td", {}, moment(each.begun_ms)), el("td", {}, moment(each.seen_ms)),
    el("td", {}, each.is_this ? el("span", { class: "badge good" }, "this browser")
      : button("Sign out", `Sign out of ${browser(each.agent)} at ${each.address}`, async () => {
        const ended = await call(`/v1/sessions/${each.id}/end`, {});
        complain(ended.ok ? "" : ended.message);
        await showSessions();
      })))));
}

/**
 * Let a button end sessions; until now it was disabled, since nothing would have come of it.
 * @param {string} id @param {string} path
 */
function leaveBy(id, path) {
  place(id).disabled = false;
  place(id).addEventListener("click", async () => {
    const answer = await call(path, {});
    if (answer.ok) location.replace(answer.data.next ?? "/sign-in");  // a provider may have a session to end, too
    else complain(answer.message);
  });
}

const who = await me();
if (!who) location.replace(SIGN_IN);
else {
  place("user").textContent = place("own-name").value = who.user;
  place("role").textContent = who.role;
  leaveBy("out", "/v1/sign-out");
  leaveBy("out-all", "/v1/sign-out-everywhere");
  onSubmit(place("password"), async () => {
    complain("");
    complain("", "done");
    const answer = await call("/v1/password", { old: place("old").value, new: place("new").value });
    if (!answer.ok) return complain(answer.message);
    place("password").reset();
    complain("your password is changed, and other browsers are signed out", "done");
    await me();
    return showSessions();
  });
  showable();
  await showSessions();
  if (who.role === "admin") await showUsers(who.user);
}
