/** Waits; fails with the signal's reason where that comes first. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return withSignal(new Promise((resolve) => setTimeout(resolve, ms)), signal);
}

/** The promise's result; fails with the signal's reason where that comes first. */
export function withSignal<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** How long to wait before another try: grows by 2 with each failure, and is spread over the whole span so that clients do not come together. */
export class Backoff {
  #failures = 0;

  constructor(readonly firstMs: number, readonly longestMs: number, readonly random: () => number) {}

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures++;
  }

  /** Milliseconds; 0 where the last try succeeded. */
  next(): number {
    if (this.#failures === 0) return 0;
    return this.random() * Math.min(this.longestMs, this.firstMs * 2 ** Math.min(this.#failures - 1, 30));
  }
}
