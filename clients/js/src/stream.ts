import { concat } from "./bytes.js";
import { costOf, ReceiveCredit, SendCredit } from "./credit.js";
import { ChasquiError, ErrorCode, ProtocolError, wireError } from "./errors.js";
import type { HeaderField } from "./hpack/table.js";
import type { Priority } from "./scheduler.js";

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly maxMessageBytes: number;
  /** The stream has something to send. */
  wake(stream: Stream): void;
  /** The application has taken bytes of that cost. */
  taken(cost: number): void;
  /** The stream is over on this side: RESET is sent where the peer knows the stream. */
  reset(stream: Stream, code: ErrorCode, reason: string): void;
}

/** A message that waits to be sent; without bytes only the end. */
export interface Outgoing {
  bytes: Uint8Array | undefined;
  offset: number;
  end: boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

interface Arrived {
  bytes: Uint8Array;
  cost: number;
}

/** One request and its answer. Made by `Connection.open`. */
export class Stream implements AsyncIterable<Uint8Array> {
  /** 0 until the request is sent. */
  id = 0;
  /** The head of the answer. */
  readonly response: Promise<readonly HeaderField[]>;
  /** @internal */ readonly outgoing: Outgoing[] = [];
  /** @internal */ sendCredit = new SendCredit(0);
  /** @internal */ receiveCredit: ReceiveCredit | undefined;
  /** @internal */ localEnded = false;
  /** @internal */ remoteEnded = false;
  /** @internal */ responded = false;
  #resolveResponse!: (fields: readonly HeaderField[]) => void;
  #rejectResponse!: (error: unknown) => void;
  #arrived: Arrived[] = [];
  #partial: Uint8Array[] = [];
  #partialLength = 0;
  #inside = false;
  #error: unknown;
  #over = false;
  #endQueued = false;
  #wakeReader: (() => void) | undefined;

  /** @internal */
  constructor(readonly owner: StreamOwner, readonly headers: readonly HeaderField[], readonly priority: Priority) {
    this.response = new Promise((resolve, reject) => {
      this.#resolveResponse = resolve;
      this.#rejectResponse = reject;
    });
    // Who does not wait for the head must not be told of its failure as of one that nobody handles.
    this.response.catch(() => {});
  }

  /** Whether nothing more can come or go. */
  get over(): boolean {
    return this.#over;
  }

  /** Sends a message, and the end of this direction with it. Ends when the whole message was handed to the transport. */
  write(message: Uint8Array, end = false): Promise<void> {
    return this.#enqueue(message, end);
  }

  /** Ends this direction. */
  end(): Promise<void> {
    return this.#enqueue(undefined, true);
  }

  /** The next message, or undefined after the last. Its credit returns with this call. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const next = this.#arrived.shift();
      if (next !== undefined) {
        this.#giveBack(next.cost);
        return next.bytes;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.remoteEnded || this.#over) return undefined;
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      for (let message = await this.read(); message !== undefined; message = await this.read()) yield message;
    } finally {
      this.cancel();
    }
  }

  /** Gives up: nothing more is sent or delivered. Harmless on a stream that is over. */
  cancel(reason = "", error: unknown = wireError(ErrorCode.Cancelled, "the call was cancelled")): void {
    this.abort(ErrorCode.Cancelled, reason, error);
  }

  /** @internal */
  abort(code: ErrorCode, reason: string, error: unknown): void {
    this.#dropArrived();
    if (this.#over) return;
    const complete = this.localEnded && this.remoteEnded;
    this.fail(complete ? undefined : error);
    if (!complete) this.owner.reset(this, code, reason);
  }

  /** @internal The queue's first has been sent whole. */
  sent(): void {
    const first = this.outgoing.shift()!;
    if (first.end) this.localEnded = true;
    first.resolve();
  }

  /** @internal */
  onResponse(fields: readonly HeaderField[]): void {
    if (this.responded) throw new ProtocolError(ErrorCode.ProtocolError, "a second RESPONSE");
    this.responded = true;
    this.#resolveResponse(fields);
  }

  /** @internal A message or a part of one. Its cost is already charged. */
  onPiece(bytes: Uint8Array, more: boolean): void {
    const cost = costOf(bytes.length);
    if (this.#partialLength + bytes.length > this.owner.maxMessageBytes) {
      this.#giveBack(cost);
      const text = `a message above ${this.owner.maxMessageBytes} bytes`;
      return this.abort(ErrorCode.MessageTooLarge, text, wireError(ErrorCode.MessageTooLarge, text));
    }
    this.#inside = more;
    if (more) {
      // A message may be longer than the credit of its stream, so its parts cannot wait for the application.
      if (bytes.length > 0) this.#partial.push(bytes.slice());
      this.#partialLength += bytes.length;
      return this.#giveBack(cost);
    }
    this.#partial.push(bytes);
    this.#arrived.push({ bytes: concat(this.#partial), cost });
    this.#partial = [];
    this.#partialLength = 0;
    this.#wake();
  }

  /** @internal */
  get insideMessage(): boolean {
    return this.#inside;
  }

  /** @internal */
  onEnd(): void {
    this.remoteEnded = true;
    this.#wake();
  }

  /** @internal The stream ends here; undefined where all has come. What has arrived can still be read. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#partial = [];
    this.#rejectResponse(error ?? wireError(ErrorCode.Internal, "there is no answer"));
    for (const waiting of this.outgoing.splice(0)) {
      if (error === undefined) waiting.resolve();
      else waiting.reject(error);
    }
    this.#wake();
  }

  #enqueue(bytes: Uint8Array | undefined, end: boolean): Promise<void> {
    if (this.#over) {
      return this.#error === undefined ? Promise.resolve() : Promise.reject(this.#error);
    }
    if (this.#endQueued) return Promise.reject(new ChasquiError("invalid_request", "this side of the stream has ended"));
    this.#endQueued = end;
    const done = new Promise<void>((resolve, reject) => this.outgoing.push({ bytes, offset: 0, end, resolve, reject }));
    done.catch(() => {});
    this.owner.wake(this);
    return done;
  }

  #giveBack(cost: number): void {
    if (!this.#over && !this.remoteEnded) this.receiveCredit?.giveBack(cost);
    this.owner.taken(cost);
  }

  #dropArrived(): void {
    for (const { cost } of this.#arrived.splice(0)) this.owner.taken(cost);
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }
}
