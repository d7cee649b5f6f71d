/** The shared worker: one connection to the service for all pages of this browser that show it. */

import { SocketClient, socketUrl } from "../wire/socket-client";
import type { Standing, ToWorker } from "./messages";
import { Visitor } from "./visitor";

const visitors = new Set<Visitor>();
const client = new SocketClient(socketUrl(location.href), async (expired) => {
  for (const visitor of [...visitors].reverse()) {
    const token = await visitor.token(expired);
    if (token !== undefined) return token;
  }
  throw new Error("no page has a token");
});
let isConnected = false;

function standing(): Standing {
  const { hello, feeds, phase, reason, retryAtMs, aheadMs } = client;
  return { type: "standing", hello, feeds, phase, reason, retryAtMs, aheadMs };
}

function sayAll(): void {
  const said = standing();
  for (const visitor of visitors) visitor.say(said);
}

function come(visitor: Visitor, lock: string): void {
  visitors.add(visitor);
  visitor.say(standing());
  see();
  void navigator.locks.request(lock, () => {
    visitors.delete(visitor);
    visitor.leave();
    see();
  });
  if (isConnected) return;
  isConnected = true;
  void client.connect();
}

/** The connection is seen by whoever sees one of its pages. */
function see(): void {
  client.setHidden([...visitors].every((visitor) => visitor.hidden));
}

client.addEventListener("status", sayAll);
client.addEventListener("feeds", sayAll);
self.addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0];
  const visitor = new Visitor(port, client);
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data.action === "come") come(visitor, data.lock);
    else visitor.take(data);
    if (data.action === "seen") see();
  };
});
