import { pageToken } from "../wire/page-token";
import { asDesk, type Desk } from "./model";
import { store } from "./store";

const KEY = "tickmesh.desk.revision";
const WAIT_MS = 1_500;

interface Known {
  /** Of the copy that this browser has last had in common with the server. */
  revision: number;
  /** That copy, without what is of this browser alone. */
  common: string;
}

/**
 * The copy of the layouts on the server: what this browser changes is written there, and what another has written
 * is taken over, unless both have changed; then a person is asked. Without a server the desk goes on by itself.
 */
export class ServerCopy {
  /** Called with the layouts of another browser that do not fit what was changed here. */
  #ask: (theirs: Desk) => void;
  #known: Known = read();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;

  constructor(ask: (theirs: Desk) => void) {
    this.#ask = ask;
    store.addEventListener("kept", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.write(), WAIT_MS);
    });
  }

  /** See what the server has. */
  async begin(): Promise<void> {
    const answer = await request("GET").catch(() => null);
    if (!answer?.ok) return;
    const { revision, desk } = await answer.json();
    if (revision !== this.#known.revision) this.#meet(revision, asDesk(desk));
    else if (common(store.desk) !== this.#known.common) await this.write();
  }

  async write(): Promise<void> {
    const sent = common(store.desk);
    if (this.#isAsking || sent === this.#known.common) return;
    const answer = await request("PUT", { revision: this.#known.revision, desk: store.desk }).catch(() => null);
    if (answer?.ok) this.#note((await answer.json()).revision, sent);
    else if (answer?.status === 409) {
      const { revision, desk } = await answer.json();
      this.#meet(revision, asDesk(desk));
    }
  }

  /** A person has chosen: these, or what is here. */
  settle(theirs: Desk | null): void {
    this.#isAsking = false;
    if (theirs) store.take(theirs);
    else void this.write();
  }

  /** Another browser has written *desk*. */
  #meet(revision: number, desk: Desk | null): void {
    const isChangedHere = store.isChanged && common(store.desk) !== this.#known.common;
    this.#note(revision, desk ? common(desk) : "");
    if (!desk || common(desk) === common(store.desk)) return;
    if (isChangedHere) {
      this.#isAsking = true;
      this.#ask(desk);
    } else store.take(desk);
  }

  #note(revision: number, text: string): void {
    this.#known = { revision, common: text };
    localStorage.setItem(KEY, JSON.stringify(this.#known));
  }
}

/** What is shown, and whether it is locked, is of each browser; the order of fields is nobody's. */
function common(desk: Desk): string {
  const { layouts, usual } = asDesk(desk) ?? desk;
  return JSON.stringify({ layouts, usual });
}

function read(): Known {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "") as Known;
  } catch {
    return { revision: 0, common: "" };
  }
}

async function request(method: "GET" | "PUT", body?: object): Promise<Response> {
  const send = async (expired: boolean) => {
    const token = await pageToken(expired);
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    return fetch("v1/layouts", { method, headers, body: body && JSON.stringify(body) });
  };
  const answer = await send(false);
  return answer.status === 401 ? send(true) : answer;
}
