// @ts-check
import { call, complain, me, onSubmit, place, showable } from "./people.js";

const FIRST_ADMIN = "first-admin";
const isOpen = location.pathname === "/register";
const link = location.hash.slice(1);
const purpose = link.split(".", 1)[0] ?? "";
history.replaceState(null, "", location.pathname);  // the secret is for this page alone, not for the history

/** The name that a link is for, which is its key in hexadecimal. @param {string} key */
const named = (key) => new TextDecoder().decode(Uint8Array.from(key.match(/../g) ?? [], (each) => parseInt(each, 16)));

if (isOpen) {
  place("title").textContent = "Make an account";
  place("about").textContent = "You will see the market; an admin can let you do more.";
} else if (purpose === FIRST_ADMIN) {
  place("title").textContent = "Welcome to tickmesh";
  place("about").textContent = "You are the first. This account decides who else may come in.";
} else if (/^([0-9a-f]{2})+$/.test(purpose)) {
  place("about").textContent = "An admin has sent you here. Nobody else will know it.";
  place("name").value = named(purpose);
  place("name").readOnly = true;
  place("name-hint").hidden = true;
} else {
  place("about").textContent = "";
  place("form").hidden = true;
  place("about").textContent = "This page is opened by a link, which is good once. Ask an admin for one.";
}

onSubmit(place("form"), async () => {
  complain("");
  const [name, password] = [place("name").value, place("password").value];
  if (password !== place("again").value) {
    complain("the two passwords are not the same");
    place("again").select();
    return;
  }
  await me();  // somebody may be signed in already, whose session must be named
  const answer = await call(isOpen ? "/v1/register" : "/v1/welcome", isOpen ? { name, password } : { link, name, password });
  if (answer.ok) location.replace(answer.data.next);
  else complain(answer.message);
});
showable();
