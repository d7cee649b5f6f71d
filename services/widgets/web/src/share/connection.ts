/** The connection of this page: shared with all pages of this browser where it can be, else of its own. */

import type { Client } from "../wire/client";
import { pageToken } from "../wire/page-token";
import { SocketClient, socketUrl } from "../wire/socket-client";
import { PortClient } from "./port-client";

/** In local storage: `own` keeps this browser's pages apart. */
export const CONNECTION_KEY = "tickmesh.connection";

function connection(): Client {
  const mayShare = localStorage.getItem(CONNECTION_KEY) !== "own";
  if (mayShare && "SharedWorker" in window && "locks" in navigator) {
    const worker = new SharedWorker("worker.js", { type: "module", name: "tickmesh" });
    return new PortClient(worker.port, pageToken);
  }
  return new SocketClient(socketUrl(location.href), pageToken);
}

export const client = connection();

const onVisibility = () => client.setHidden(document.hidden);
document.addEventListener("visibilitychange", onVisibility);
onVisibility();
