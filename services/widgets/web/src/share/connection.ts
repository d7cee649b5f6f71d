/** The connection of this page: shared with all pages of this browser where it can be, else of its own. */

import type { Client } from "../wire/client";
import { SERVICE, pageToken } from "../wire/page-token";
import { SocketClient, socketUrl } from "../wire/socket-client";
import { Memory } from "./memory";
import { PortClient } from "./port-client";

/** In local storage: `own` keeps this browser's pages apart. */
export const CONNECTION_KEY = "tickmesh.connection";

function connection(): Client {
  // A worker can only be had of this page's own origin: on a page of another the connection is its own.
  const mayShare = SERVICE.startsWith(`${location.origin}/`) && localStorage.getItem(CONNECTION_KEY) !== "own";
  if (mayShare && "SharedWorker" in window && "locks" in navigator) {
    const worker = new SharedWorker(`${SERVICE}worker.js`, { type: "module", name: "tickmesh" });
    return new PortClient(worker.port, pageToken);
  }
  return new SocketClient(socketUrl(SERVICE), pageToken);
}

export const client = connection();

const memory = new Memory();
client.recall = (feed, view) => memory.recall(feed, view);
memory.follow(client);

const onVisibility = () => client.setHidden(document.hidden);
document.addEventListener("visibilitychange", onVisibility);
onVisibility();
