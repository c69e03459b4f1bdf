import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { Transport } from "./transport.js";

/** Dials tcp://host:port, tls://host:port or unix:/path. `tls`: options of node:tls. */
export function dialSocket(url: URL, tls: object = {}, signal?: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const port = Number(url.port || 11436);
    const secure = url.protocol === "tls:";
    const options = secure ? tlsOptions(host, port, tls) : undefined;
    const socket = options ? connectTls(options) : url.protocol === "unix:" ? connect({ path: url.pathname }) : connect({ host, port });
    const abort = (): void => void socket.destroy(new Error("gave up dialing"));
    signal?.addEventListener("abort", abort, { once: true });
    socket.setNoDelay(true);
    socket.once("error", reject);
    socket.once(secure ? "secureConnect" : "connect", () => {
      signal?.removeEventListener("abort", abort);
      socket.off("error", reject);
      resolve(new SocketTransport(socket));
    });
  });
}

/** The WebSocket of the package `ws`, for a Node.js that has none. */
export async function webSocketClass(): Promise<typeof WebSocket> {
  return (await import("ws")).WebSocket as unknown as typeof WebSocket;
}

function tlsOptions(host: string, port: number, tls: object): ConnectionOptions {
  const isName = !/^[\d.]+$/.test(host) && !host.includes(":");
  return { host, port, ALPNProtocols: ["chasqui/1"], minVersion: "TLSv1.2", ...(isName ? { servername: host } : {}), ...tls };
}

class SocketTransport implements Transport {
  onData: (chunk: Uint8Array) => void = () => {};
  onClose: (error?: Error) => void = () => {};
  onDrain: () => void = () => {};
  #closing = false;

  constructor(readonly socket: Socket) {
    let error: Error | undefined;
    socket.on("data", (chunk: Uint8Array) => this.onData(chunk));
    socket.on("drain", () => this.onDrain());
    socket.on("error", (e) => (error = e));
    socket.on("close", () => {
      if (!this.#closing) this.onClose(error);
    });
  }

  get buffered(): number {
    return this.socket.writableLength;
  }

  send(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  close(): void {
    this.#closing = true;
    if (this.socket.destroyed) return;
    // What the peer still sends is read and dropped, so that the last bytes are not lost to a reset; but not for ever.
    this.onData = () => {};
    this.socket.end();
    setTimeout(() => this.socket.destroy(), 1_000).unref();
  }
}
