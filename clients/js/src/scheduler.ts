/** The priority of a stream, as on the wire. */
export const Priority = { Normal: 0, Urgent: 1, Batch: 2 } as const;
export type Priority = (typeof Priority)[keyof typeof Priority];

const order = [Priority.Urgent, Priority.Normal, Priority.Batch];
const shares = [16, 4, 1];

/** Whose turn it is: urgent, normal and batch share the turns 16 : 4 : 1; within a class the streams take turns. */
export class Scheduler<T extends { readonly priority: Priority }> {
  #queues: T[][] = [[], [], []];
  #turns = [...shares];

  /** Puts a stream at the end of its class, unless it waits already. */
  add(item: T): void {
    const queue = this.#queues[order.indexOf(item.priority)]!;
    if (!queue.includes(item)) queue.push(item);
  }

  remove(item: T): void {
    const queue = this.#queues[order.indexOf(item.priority)]!;
    const at = queue.indexOf(item);
    if (at >= 0) queue.splice(at, 1);
  }

  /** Takes the next stream that can send; it is put back with `add`. */
  take(ready: (item: T) => boolean): T | undefined {
    for (let round = 0; round < 2; round++) {
      for (const [i, queue] of this.#queues.entries()) {
        if (this.#turns[i] === 0) continue;
        const at = queue.findIndex(ready);
        if (at < 0) continue;
        this.#turns[i]!--;
        return queue.splice(at, 1)[0];
      }
      this.#turns = [...shares];
    }
    return undefined;
  }
}
