import { TapeClock } from "../look/tape-clock";
import { client } from "./connection";

/** The tape's time, for all widgets of this page. */
export const tapeClock = new TapeClock(client);
