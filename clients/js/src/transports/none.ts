import type { Transport } from "./transport.js";

/** What a browser has instead of node.ts. */
export function dialSocket(_url: URL): Promise<Transport> {
  return Promise.reject(new TypeError("a browser can only use ws:// and wss://"));
}

export function webSocketClass(): Promise<typeof WebSocket> {
  return Promise.reject(new TypeError("there is no WebSocket here"));
}
