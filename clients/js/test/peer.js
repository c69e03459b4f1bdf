// A gateway made by hand: it writes and reads frames byte by byte, so that a mistake of the client is not made here again.
import { HeaderDecoder } from "../dist/wire.js";

export const type = { request: 0, response: 1, heartbeat: 2, hello: 3, data: 4, batch: 5, reset: 6, credit: 7, goodbye: 8 };
export const flag = { end: 1, more: 2, message: 4 };

export function varint(value) {
  const out = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) + 128);
  return Buffer.from([...out, value]);
}

export function frame(kind, stream, ...parts) {
  const payload = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0x4d435001, 0);
  head[4] = 1;
  head[5] = kind;
  head.writeUInt32BE(payload.length, 6);
  head.writeUInt32BE(stream, 10);
  return Buffer.concat([head, payload]);
}

/** A header block of literals that are neither coded nor kept. */
export function block(fields) {
  const string = (text) => Buffer.concat([integer7(Buffer.byteLength(text)), Buffer.from(text)]);
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), string(name), string(value)]));
}

function integer7(value) {
  return value < 127 ? Buffer.of(value) : Buffer.concat([Buffer.of(127), varint(value - 127)]);
}

export function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The two ends of a way in memory: `transport` for the client, and this for the test. */
export class Peer {
  frames = [];
  closed = false;
  held = Buffer.alloc(0);
  waiting = [];
  decoder = new HeaderDecoder(4096, 1 << 20);

  /** What is done when the client has said hello. */
  greeted = () => {};

  constructor() {
    const peer = this;
    this.transport = {
      onData() {},
      onClose() {},
      onDrain() {},
      buffered: 0,
      send(bytes) {
        if (!peer.closed) peer.take(Buffer.from(bytes));
      },
      close() {
        peer.closed = true;
        peer.notify();
      },
    };
  }

  take(bytes) {
    this.held = Buffer.concat([this.held, bytes]);
    while (this.held.length >= 16 && this.held.length >= 16 + this.held.readUInt32BE(6)) {
      const payload = this.held.subarray(16, 16 + this.held.readUInt32BE(6));
      this.frames.push(parse(this.held[5], this.held.readUInt32BE(10), payload, this.decoder));
      this.held = this.held.subarray(16 + payload.length);
      if (this.frames.at(-1).kind === type.hello) this.greeted();
    }
    this.notify();
  }

  notify() {
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** The next frame of that kind; those before it are dropped. */
  async next(kind) {
    const deadline = Date.now() + 5_000;
    for (;;) {
      const at = this.frames.findIndex((one) => kind === undefined || one.kind === kind);
      if (at >= 0) return this.frames.splice(0, at + 1)[at];
      if (this.closed) throw new Error(`closed before a frame of kind ${kind}`);
      if (Date.now() > deadline) throw new Error(`no frame of kind ${kind} came`);
      let timer;
      await new Promise((resolve) => {
        this.waiting.push(resolve);
        timer = setTimeout(resolve, 1_000);
      });
      clearTimeout(timer);
    }
  }

  send(...bytes) {
    // Not from inside of the client's own call, as with a real transport.
    const all = Buffer.concat(bytes);
    queueMicrotask(() => this.closed || this.transport.onData(new Uint8Array(all)));
  }

  hello(settings = {}) {
    const entries = Object.entries(settings).map(([id, value]) => {
      const bytes = typeof value === "number" ? varint(value) : Buffer.from(value);
      return Buffer.concat([varint(Number(id)), varint(bytes.length), bytes]);
    });
    this.send(frame(type.hello, 0, ...entries));
  }

  respond(stream, fields = { status: "200" }, flags = 0, body = []) {
    const bytes = block(fields);
    this.send(frame(type.response, stream, [flags], varint(bytes.length), bytes, body));
  }

  data(stream, flags, body = []) {
    this.send(frame(type.data, stream, [flags], body));
  }

  batch(...entries) {
    this.send(
      frame(type.batch, 0, ...entries.flatMap(([stream, body, end]) => [varint(stream), varint(body.length * 2 + (end ? 1 : 0)), Buffer.from(body)])),
    );
  }

  reset(stream, code, reason = "") {
    this.send(frame(type.reset, stream, varint(code), Buffer.from(reason)));
  }

  credit(stream, increment) {
    this.send(frame(type.credit, stream, uint32(increment)));
  }

  goodbye(last, code, reason = "") {
    this.send(frame(type.goodbye, 0, uint32(last), varint(code), Buffer.from(reason)));
  }

  /** The way ends as when the process died. */
  die(error) {
    this.closed = true;
    this.transport.onClose(error);
  }
}

function parse(kind, stream, payload, decoder) {
  const read = { at: 0 };
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = payload[read.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  switch (kind) {
    case type.request: {
      read.at = 1;
      const length = number();
      const fields = Object.fromEntries(decoder.decode(payload.subarray(read.at, read.at + length)).fields.map((f) => [f.name, f.value]));
      return { kind, stream, flags: payload[0], fields, body: payload.subarray(read.at + length) };
    }
    case type.data:
      return { kind, stream, flags: payload[0], body: payload.subarray(1) };
    case type.reset:
      return { kind, stream, code: number(), reason: payload.subarray(read.at).toString() };
    case type.credit:
      return { kind, stream, increment: payload.readUInt32BE(0) };
    case type.goodbye:
      read.at = 4;
      return { kind, last: payload.readUInt32BE(0), code: number(), reason: payload.subarray(read.at).toString() };
    case type.hello: {
      const settings = {};
      while (read.at < payload.length) {
        const id = number();
        const length = number();
        settings[id] = payload.subarray(read.at, read.at + length);
        read.at += length;
      }
      return { kind, settings };
    }
    default:
      return { kind, stream, payload };
  }
}
