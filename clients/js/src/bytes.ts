import { ErrorCode, ProtocolError } from "./errors.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8");
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD. */
export function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The text of UTF-8 bytes, or undefined where they are not UTF-8. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** At most `limit` bytes of a text, cut between characters. */
export function cutUtf8(value: string, limit: number): Uint8Array {
  const bytes = utf8(value);
  if (bytes.length <= limit) return bytes;
  let end = limit;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

/** One array of several. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes that grow. */
export class ByteWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  byte(value: number): this {
    this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  uint32(value: number): this {
    return this.byte(value >>> 24).byte((value >>> 16) & 255).byte((value >>> 8) & 255).byte(value & 255);
  }

  /** An unsigned LEB128 integer, 0 to 2^32-1. */
  varint(value: number): this {
    while (value > 127) {
      this.byte((value & 127) | 128);
      value = Math.floor(value / 128);
    }
    return this.byte(value);
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Reads a payload; what is missing or malformed is PROTOCOL_ERROR. */
export class ByteReader {
  #at = 0;

  constructor(readonly source: Uint8Array) {}

  get left(): number {
    return this.source.length - this.#at;
  }

  byte(): number {
    if (this.left < 1) throw malformed();
    return this.source[this.#at++]!;
  }

  bytes(count: number): Uint8Array {
    if (this.left < count) throw malformed();
    this.#at += count;
    return this.source.subarray(this.#at - count, this.#at);
  }

  uint32(): number {
    const b = this.bytes(4);
    return ((b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!) >>> 0;
  }

  varint(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < 5; i++, scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw new ProtocolError(ErrorCode.ProtocolError, "a varint is longer than 5 bytes or above 2^32-1");
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }
}

function malformed(): ProtocolError {
  return new ProtocolError(ErrorCode.ProtocolError, "a payload is shorter than what it must hold");
}
