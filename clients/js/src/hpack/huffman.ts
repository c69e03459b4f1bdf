import { ErrorCode, ProtocolError } from "../errors.js";

// The lengths in bits of the codes of RFC 7541, appendix B, for the bytes 0 to 255 and for the end. The code is canonical: by
// length, then by value, each code is the one before plus 1.
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const end = 256;
const codes = new Uint32Array(257);
/** A tree of pairs: a positive entry is the next pair, a negative one is ~byte, 0 is nothing. */
const tree: number[] = [0, 0];

build();

/** The length in bytes of the coded text. */
export function huffmanLength(bytes: Uint8Array): number {
  let bits = 0;
  for (const byte of bytes) bits += lengths[byte]!;
  return (bits + 7) >>> 3;
}

export function huffmanEncode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(huffmanLength(bytes));
  let at = 0;
  let free = 8;
  for (const byte of bytes) {
    const code = codes[byte]!;
    let left = lengths[byte]!;
    while (left > 0) {
      const take = Math.min(left, free);
      left -= take;
      free -= take;
      out[at]! |= ((code >>> left) & ((1 << take) - 1)) << free;
      if (free === 0) {
        at++;
        free = 8;
      }
    }
  }
  if (free < 8) out[at]! |= (1 << free) - 1;
  return out;
}

export function huffmanDecode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.floor((bytes.length * 8) / 5) + 1);
  let length = 0;
  let node = 0;
  let pending = 0;
  let ones = true;
  for (const byte of bytes) {
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >>> shift) & 1;
      const next = tree[node + bit]!;
      pending++;
      ones &&= bit === 1;
      if (next >= 0) {
        if (next === 0) throw new ProtocolError(ErrorCode.Compression, "the end code in a Huffman text");
        node = next;
        continue;
      }
      if (~next === end) throw new ProtocolError(ErrorCode.Compression, "the end code in a Huffman text");
      out[length++] = ~next;
      node = 0;
      pending = 0;
      ones = true;
    }
  }
  if (pending > 7 || !ones) throw new ProtocolError(ErrorCode.Compression, "wrong padding of a Huffman text");
  return out.subarray(0, length);
}

function build(): void {
  const order = lengths.map((length, symbol) => ({ length, symbol })).sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let width = order[0]!.length;
  for (const { length, symbol } of order) {
    code *= 2 ** (length - width);
    width = length;
    codes[symbol] = code;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = node + ((code >>> bit) & 1);
      if (tree[slot] === 0) {
        tree[slot] = tree.length;
        tree.push(0, 0);
      }
      node = tree[slot]!;
    }
    tree[node + (code & 1)] = ~symbol;
    code++;
  }
}
