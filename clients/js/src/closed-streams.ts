const kept = 1_024;

/** Remembers the last streams that ended in order: what comes for them is an error, for others that are gone it is ignored. */
export class ClosedStreams {
  #ids = new Set<number>();

  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size > kept) this.#ids.delete(this.#ids.values().next().value!);
  }

  has(id: number): boolean {
    return this.#ids.has(id);
  }
}
