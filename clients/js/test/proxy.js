// A way to the gateway that can be cut: passes bytes on, and knows frames so that it can be told where.
import { connect, createServer } from "node:net";
import { type } from "./peer.js";

const ofAnswers = new Set([type.response, type.data, type.batch]);

export class Proxy {
  /** Frames of answers that each connection lets through, by their order; what is not said is no end. */
  cuts = [];
  connections = 0;
  #open = new Set();
  #server;

  /** To an address as tcp://host:port. */
  static async start(address) {
    const proxy = new Proxy();
    const { hostname, port } = new URL(address);
    proxy.#server = createServer((client) => proxy.#pass(client, connect(Number(port), hostname)));
    await new Promise((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    proxy.address = `tcp://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  /** Ends all connections there are now, without goodbye. */
  cut() {
    for (const end of [...this.#open]) end();
  }

  async stop() {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(client, gateway) {
    let left = this.cuts[this.connections++] ?? Infinity;
    let held = Buffer.alloc(0);
    const end = () => {
      this.#open.delete(end);
      client.end();
      gateway.destroy();
    };
    this.#open.add(end);
    for (const socket of [client, gateway]) socket.on("error", end).on("close", end);
    client.on("data", (chunk) => gateway.write(chunk));
    gateway.on("data", (chunk) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 16 && held.length >= 16 + held.readUInt32BE(6)) {
        const frame = held.subarray(0, 16 + held.readUInt32BE(6));
        if (ofAnswers.has(frame[5]) && left-- <= 0) return end();
        client.write(frame);
        held = held.subarray(frame.length);
      }
    });
  }
}
