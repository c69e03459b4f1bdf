/** Waits; fails with the signal's reason where that comes first. */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await withSignal(new Promise<void>((resolve) => (timer = setTimeout(resolve, ms))), signal);
  } finally {
    // A wait that nobody waits for any more would keep a program from its end.
    clearTimeout(timer);
  }
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

/** A signal of one's own that aborts with another one, or when the time is over. To be disposed of. */
export class Limit {
  readonly signal: AbortSignal | undefined;
  /** Whether the time was what ended it. */
  over = false;
  readonly #end: number;
  readonly #dispose: () => void;

  /** Milliseconds, undefined for no end; what the signal's reason is then; the signal of somebody else. */
  constructor(ms: number | undefined, reason: () => unknown, outer?: AbortSignal) {
    this.#end = ms === undefined ? Infinity : performance.now() + ms;
    if (ms === undefined) {
      this.signal = outer;
      this.#dispose = () => {};
      return;
    }
    const own = new AbortController();
    this.signal = own.signal;
    const timer = setTimeout(() => {
      this.over = true;
      own.abort(reason());
    }, ms);
    const abort = (): void => own.abort(outer!.reason);
    if (outer?.aborted) abort();
    else outer?.addEventListener("abort", abort, { once: true });
    this.#dispose = () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    };
  }

  /** What is left of it, as options of a call. */
  rest(): { signal?: AbortSignal; timeoutMs?: number } {
    return {
      ...(this.signal === undefined ? {} : { signal: this.signal }),
      ...(this.#end === Infinity ? {} : { timeoutMs: Math.max(1, Math.ceil(this.#end - performance.now())) }),
    };
  }

  dispose(): void {
    this.#dispose();
  }
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
