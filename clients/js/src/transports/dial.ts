import type { Transport } from "./transport.js";
import { dialWebSocket } from "./web-socket.js";

/** Dials ws, wss, and in Node.js tcp, tls and unix. `tls`: options of node:tls, for tls:// only. */
export async function dial(address: string, tls?: object, signal?: AbortSignal): Promise<Transport> {
  const url = parse(address);
  if (url.protocol === "ws:" || url.protocol === "wss:") {
    const own = globalThis.WebSocket as typeof WebSocket | undefined;
    return dialWebSocket(url, own ?? (await (await import("./node.js")).webSocketClass()), signal);
  }
  return (await import("./node.js")).dialSocket(url, tls, signal);
}

/** Checks an address; throws TypeError. */
export function parse(address: string): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new TypeError(`not an address: ${address} (for example ws://127.0.0.1:11435/ws)`);
  }
  if (!["ws:", "wss:", "tcp:", "tls:", "unix:"].includes(url.protocol)) {
    throw new TypeError(`${url.protocol}// is not one of ws, wss, tcp, tls, unix: ${address}`);
  }
  return url;
}
