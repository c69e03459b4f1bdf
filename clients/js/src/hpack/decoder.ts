import { strictText } from "../bytes.js";
import { ErrorCode, ProtocolError } from "../errors.js";
import { huffmanDecode } from "./huffman.js";
import { staticTable } from "./static-table.js";
import { DynamicTable, fieldSize, type HeaderField } from "./table.js";

/** A decoded block. `tooLarge`: the list is above max_header_list and its fields were dropped, but the table is right. */
export interface HeaderBlock {
  fields: HeaderField[];
  tooLarge: boolean;
}

const goodName = /^[a-z0-9._-]+$/;
const badValue = /[\u0000-\u001f\u007f]/;

const staticSizes = staticTable.map(([name, value]) => fieldSize(name, value));

/** Decodes the header blocks of one direction, in the order of arrival. Throws ProtocolError with COMPRESSION. */
export class HeaderDecoder {
  #table: DynamicTable;
  #block: Uint8Array = new Uint8Array();
  #at = 0;

  /** maxTable: own header_table. maxList: own max_header_list. Both in bytes. */
  constructor(readonly maxTable: number, readonly maxList: number) {
    this.#table = new DynamicTable(maxTable);
  }

  get tableSize(): number {
    return this.#table.size;
  }

  decode(block: Uint8Array): HeaderBlock {
    this.#block = block;
    this.#at = 0;
    const result: HeaderBlock = { fields: [], tooLarge: false };
    let size = 0;
    let began = false;
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        const limit = this.#integer(5);
        if (began || limit > this.maxTable) throw wrong("a table size update that is not allowed");
        this.#table.resize(limit);
        continue;
      }
      began = true;
      const entry = this.#field(first);
      size += entry.size;
      if (size > this.maxList) {
        result.tooLarge = true;
        result.fields = [];
      } else if (!result.tooLarge) {
        result.fields.push({ name: entry.name, value: entry.value, ...((first & 0xf0) === 0x10 ? { sensitive: true } : {}) });
      }
    }
    return result;
  }

  #field(first: number): { name: string; value: string; size: number } {
    if (first & 0x80) return this.#entry(this.#integer(7));
    const keep = (first & 0x40) !== 0;
    const index = this.#integer(keep ? 6 : 4);
    let name: string;
    let nameLength: number;
    if (index > 0) {
      const entry = this.#entry(index);
      name = entry.name;
      nameLength = name.length;
    } else {
      const bytes = this.#string();
      name = strictText(bytes) ?? "";
      nameLength = bytes.length;
      if (!goodName.test(name)) throw wrong("a header name with characters that are not allowed");
    }
    const bytes = this.#string();
    const value = strictText(bytes);
    if (value === undefined || badValue.test(value)) throw wrong("a header value with bytes that are not allowed");
    const entry = { name, value, size: nameLength + bytes.length + 32 };
    if (keep) this.#table.add(name, value, entry.size);
    return entry;
  }

  #entry(index: number): { name: string; value: string; size: number } {
    if (index === 0) throw wrong("the index 0");
    if (index <= staticTable.length) {
      const [name, value] = staticTable[index - 1]!;
      return { name, value, size: staticSizes[index - 1]! };
    }
    const entry = this.#table.at(index - staticTable.length - 1);
    if (entry === undefined) throw wrong(`the index ${index} is beyond the table`);
    return entry;
  }

  #integer(prefix: number): number {
    const full = (1 << prefix) - 1;
    let value = this.#byte() & full;
    if (value < full) return value;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw wrong("an integer that is too large");
  }

  #string(): Uint8Array {
    const coded = this.#at < this.#block.length && (this.#block[this.#at]! & 0x80) !== 0;
    const length = this.#integer(7);
    if (this.#block.length - this.#at < length) throw wrong("a string that is cut off");
    this.#at += length;
    const bytes = this.#block.subarray(this.#at - length, this.#at);
    return coded ? huffmanDecode(bytes) : bytes;
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw wrong("a field that is cut off");
    return this.#block[this.#at++]!;
  }
}

function wrong(message: string): ProtocolError {
  return new ProtocolError(ErrorCode.Compression, message);
}
