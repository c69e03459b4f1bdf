import type { Transport } from "./transport.js";

const high = 1_048_576;
const pollMs = 5;

/** Dials ws:// or wss:// with the class given. */
export function dialWebSocket(url: URL, WebSocketClass: typeof WebSocket, signal?: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocketClass(url.href, "chasqui.v1");
    socket.binaryType = "arraybuffer";
    const abort = (): void => socket.close();
    signal?.addEventListener("abort", abort, { once: true });
    let detail = "";
    socket.onerror = (event) => (detail = (event as ErrorEvent).message ?? "");
    socket.onclose = (event) => {
      reject(new Error(`no WebSocket to ${url.origin}${url.pathname}${detail || event.reason ? ": " + (detail || event.reason) : ""}`));
    };
    socket.onopen = () => {
      signal?.removeEventListener("abort", abort);
      resolve(new WebSocketTransport(socket));
    };
  });
}

class WebSocketTransport implements Transport {
  onData: (chunk: Uint8Array) => void = () => {};
  onClose: (error?: Error) => void = () => {};
  onDrain: () => void = () => {};
  #closing = false;
  #polling = false;

  constructor(readonly socket: WebSocket) {
    socket.onerror = () => {};
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (this.#closing) return;
      if (typeof data !== "string") return this.onData(new Uint8Array(data));
      this.#closing = true;
      socket.close(1003);
      this.onClose(new Error("a text message"));
    };
    socket.onclose = (event) => {
      if (this.#closing) return;
      this.#closing = true;
      this.onClose(event.wasClean ? undefined : new Error(event.reason || `the WebSocket broke (${event.code})`));
    };
  }

  get buffered(): number {
    return this.socket.bufferedAmount;
  }

  send(bytes: Uint8Array): void {
    if (this.socket.readyState !== 1) return;
    this.socket.send(bytes as Uint8Array<ArrayBuffer>);
    // A WebSocket does not tell when it has room again.
    if (this.socket.bufferedAmount > high && !this.#polling) this.#poll();
  }

  close(): void {
    this.#closing = true;
    this.socket.close(1000);
  }

  #poll(): void {
    this.#polling = true;
    setTimeout(() => {
      this.#polling = false;
      if (this.#closing) return;
      if (this.socket.bufferedAmount > high / 2) this.#poll();
      else this.onDrain();
    }, pollMs);
  }
}
