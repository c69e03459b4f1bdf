import { ByteWriter, utf8 } from "../bytes.js";
import { huffmanEncode, huffmanLength } from "./huffman.js";
import { staticTable } from "./static-table.js";
import { DynamicTable, fieldSize, type HeaderField } from "./table.js";

/** The table that an encoder uses at most, in bytes, whatever the peer would keep. */
const usualTable = 4_096;

// Fields whose values hardly ever come again are not worth an entry.
const oneTime = new Set(["request-id", "traceparent", "deadline-ms"]);
const secret = new Set(["authorization"]);

const staticExact = new Map<string, number>();
const staticNames = new Map<string, number>();
staticTable.forEach(([name, value], i) => {
  if (!staticNames.has(name)) staticNames.set(name, i + 1);
  if (!staticExact.has(name + "\0" + value)) staticExact.set(name + "\0" + value, i + 1);
});

/** Encodes the header blocks of one direction. */
export class HeaderEncoder {
  #table: DynamicTable;
  #announce: boolean;

  /** peerTable: the peer's header_table. */
  constructor(peerTable: number) {
    this.#table = new DynamicTable(Math.min(peerTable, usualTable));
    this.#announce = peerTable !== usualTable;
  }

  encode(fields: readonly HeaderField[]): Uint8Array {
    const out = new ByteWriter();
    if (this.#announce) {
      integer(out, 0x20, 5, this.#table.limit);
      this.#announce = false;
    }
    for (const field of fields) this.#field(out, field);
    return out.done();
  }

  #field(out: ByteWriter, { name, value, sensitive }: HeaderField): void {
    const never = sensitive === true || secret.has(name);
    const exact = never ? undefined : staticExact.get(name + "\0" + value);
    const found = this.#table.find(name, value);
    if (exact !== undefined) return integer(out, 0x80, 7, exact);
    if (found?.exact === true && !never) return integer(out, 0x80, 7, staticTable.length + 1 + found.index);

    const valueBytes = utf8(value);
    const size = fieldSize(utf8(name), valueBytes);
    const index = staticNames.get(name) ?? (found === undefined ? 0 : staticTable.length + 1 + found.index);
    const keep = !never && !oneTime.has(name) && size <= this.#table.limit / 2;
    if (never) integer(out, 0x10, 4, index);
    else if (keep) integer(out, 0x40, 6, index);
    else integer(out, 0x00, 4, index);
    if (index === 0) string(out, utf8(name));
    string(out, valueBytes);
    if (keep) this.#table.add(name, value, size);
  }
}

function integer(out: ByteWriter, pattern: number, prefix: number, value: number): void {
  const full = (1 << prefix) - 1;
  if (value < full) out.byte(pattern | value);
  else out.byte(pattern | full).varint(value - full);
}

function string(out: ByteWriter, bytes: Uint8Array): void {
  const coded = huffmanLength(bytes);
  if (coded < bytes.length) {
    integer(out, 0x80, 7, coded);
    out.bytes(huffmanEncode(bytes));
  } else {
    integer(out, 0x00, 7, bytes.length);
    out.bytes(bytes);
  }
}
