// @ts-check
import { call, complain, el, me, onSubmit, place, showable } from "./people.js";

const next = new URLSearchParams(location.search).get("next") ?? "";

onSubmit(place("form"), async () => {
  complain("");
  await me();  // somebody may be signed in already, whose session must be named
  const answer = await call("/v1/sign-in", { name: place("name").value, password: place("password").value, next });
  if (answer.ok) {
    location.replace(answer.data.next);  // the server has looked whether it is one of ours
    return;
  }
  complain(answer.message);
  place("password").select();
});
showable();

const ways = (await call("/v1/ways")).data;
for (const each of ways?.providers ?? []) {
  const start = new URL(each.start, location.origin);
  if (next) start.searchParams.set("next", next);
  place("providers").append(el("a", { class: "button", href: start.href }, `Continue with ${each.name}`));
}
place("others").hidden = !ways?.providers.length;
place("open").hidden = !ways?.is_open;
