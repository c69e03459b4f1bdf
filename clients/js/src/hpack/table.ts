/** A field of a header list. `sensitive` fields are sent never-indexed. */
export interface HeaderField {
  name: string;
  value: string;
  sensitive?: boolean;
}

/** The size of a field as RFC 7541 counts: the bytes of name and value, and 32. */
export function fieldSize(name: Uint8Array | string, value: Uint8Array | string): number {
  return name.length + value.length + 32;
}

interface Entry {
  name: string;
  value: string;
  size: number;
}

/** The dynamic table of one direction: the newest entry is first. */
export class DynamicTable {
  #entries: Entry[] = [];
  #size = 0;
  #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#entries.length;
  }

  get size(): number {
    return this.#size;
  }

  get limit(): number {
    return this.#limit;
  }

  at(index: number): Entry | undefined {
    return this.#entries[index];
  }

  /** The index of the entry with that name and value; else ~index of one with the name; undefined where there is none. */
  find(name: string, value: string): { index: number; exact: boolean } | undefined {
    let named: number | undefined;
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.name !== name) continue;
      if (entry.value === value) return { index: i, exact: true };
      named ??= i;
    }
    return named === undefined ? undefined : { index: named, exact: false };
  }

  /** Adds an entry of that size in bytes; one above the limit only empties the table. */
  add(name: string, value: string, size: number): void {
    this.#evict(this.#limit - size);
    if (size > this.#limit) return;
    this.#entries.unshift({ name, value, size });
    this.#size += size;
  }

  resize(limit: number): void {
    this.#limit = limit;
    this.#evict(limit);
  }

  #evict(target: number): void {
    while (this.#size > Math.max(0, target)) this.#size -= this.#entries.pop()!.size;
  }
}
