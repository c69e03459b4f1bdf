import { concat } from "./bytes.js";
import { ErrorCode, ProtocolError } from "./errors.js";

export const FrameType = {
  Request: 0,
  Response: 1,
  Heartbeat: 2,
  Hello: 3,
  Data: 4,
  Batch: 5,
  Reset: 6,
  Credit: 7,
  Goodbye: 8,
} as const;

/** The flags of REQUEST, RESPONSE and DATA. */
export const Flag = { End: 1, More: 2, Message: 4, PriorityShift: 4 } as const;

export const headerSize = 16;

export interface Frame {
  type: number;
  stream: number;
  payload: Uint8Array;
}

const magic = [0x4d, 0x43, 0x50, 0x01];
const version = 1;

/** A frame whose payload is the parts, joined. */
export function encodeFrame(type: number, stream: number, ...parts: Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const frame = new Uint8Array(headerSize + length);
  const view = new DataView(frame.buffer);
  frame.set(magic);
  frame[4] = version;
  frame[5] = type;
  view.setUint32(6, length);
  view.setUint32(10, stream);
  let at = headerSize;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** Cuts what arrives into frames. Checks each header as soon as it is there. */
export class FrameReader {
  #parts: Uint8Array[] = [];
  #held = 0;
  #needed: number = headerSize;

  /** maxFrame: the greatest payload that is accepted, in bytes. */
  constructor(public maxFrame: number) {}

  /** Whether a frame has begun and not ended. */
  get inside(): boolean {
    return this.#held > 0;
  }

  /** The frames that this chunk completes. Keeps the chunk, so it must not change afterwards. */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.#parts.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed && this.#held - chunk.length >= 4) return;

    let bytes = concat(this.#parts);
    for (;;) {
      for (let i = 0; i < Math.min(4, bytes.length); i++) {
        if (bytes[i] !== magic[i]) throw new ProtocolError(ErrorCode.BadMagic, wrongMagic(bytes));
      }
      this.#needed = headerSize;
      if (bytes.length < headerSize) break;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const type = bytes[5]!;
      const length = view.getUint32(6);
      if (bytes[4] !== version) throw new ProtocolError(ErrorCode.BadVersion, `the peer speaks version ${bytes[4]}`);
      if (type > FrameType.Goodbye && type < 128) throw new ProtocolError(ErrorCode.UnknownType, `the frame type ${type} is not known`);
      if (length > this.maxFrame) {
        throw new ProtocolError(ErrorCode.FrameTooLarge, `a payload of ${length} bytes, above ${this.maxFrame}`);
      }
      this.#needed = headerSize + length;
      if (bytes.length < this.#needed) break;
      const payload = bytes.subarray(headerSize, this.#needed);
      bytes = bytes.subarray(this.#needed);
      this.#parts = [bytes];
      this.#held = bytes.length;
      yield { type, stream: view.getUint32(10), payload };
    }
    this.#parts = bytes.length > 0 ? [bytes] : [];
    this.#held = bytes.length;
  }
}

function wrongMagic(bytes: Uint8Array): string {
  const begin = String.fromCharCode(...bytes.subarray(0, 4));
  return begin.startsWith("HTTP") ? "the peer answers in HTTP; is this its HTTP port? (ws://… goes there)" : "not this protocol";
}
