/** The connection of a page that shares it with no other: what a page with widgets of its own may build on. */
import { SERVICE, pageToken, type GiveToken } from "./page-token";
import { SocketClient, socketUrl } from "./socket-client";

export { CLOSE_CODES, Patience } from "./close-codes";
export { tableCrc } from "./crc";
export { SequenceState, TableState } from "./feed-state";

export class MeshClient extends SocketClient {
  /**
   * @param url of `/ws`
   * @param token gives the token to connect with
   */
  constructor(url: string, token: GiveToken = pageToken) {
    super(url, token);
    const onVisibility = () => this.setHidden(document.hidden);
    document.addEventListener("visibilitychange", onVisibility);
    onVisibility();
  }
}

/** The connection of this page. */
export const client = new MeshClient(socketUrl(SERVICE));
