import { fromBinary } from "@bufbuild/protobuf";
import { valueOf, type Answer, type Asked, type CallOptions, type Calls } from "./calls.js";
import type { Connection } from "./connection.js";
import { ChasquiError, ErrorCode, isLost, wireError, withCause } from "./errors.js";
import * as pb from "./gen/chasqui_pb.js";
import type { Stream } from "./stream.js";
import { delay, Limit } from "./waiting.js";

export interface GenerationCallOptions extends CallOptions {
  /**
   * Whether the answer goes on over another connection when its own is lost: no update is missing, and none comes twice. The gateway
   * keeps such an answer in memory for that. Default: what the client's options say, else false.
   */
  resume?: boolean;
  /** Told once, where `resume` is on and as soon as the gateway says that it keeps the answer: the id for `resume` and `cancelGeneration`. */
  onGeneration?: (id: string) => void;
}

/** The request for what comes after that many updates. */
export type AskedFrom = (offset: number) => Asked;

/** The header field that names a generation, in requests and in heads of answers. */
export const generationField = "generation";

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** An id that nobody guesses or has by chance: 120 bits. */
export function newGenerationId(): string {
  const random = crypto.getRandomValues(new Uint8Array(24));
  return "g-" + Array.from(random, (byte) => alphabet[byte % alphabet.length]).join("");
}

/** The updates of an answer that the gateway keeps, over as many connections as it takes. */
export async function* resuming(
  calls: Calls, askedFrom: AskedFrom, options: GenerationCallOptions, from = 0,
): AsyncGenerator<pb.GenerationUpdate, void> {
  const limit = new Limit(options.timeoutMs, () => wireError(ErrorCode.Deadline, `the answer did not end within ${options.timeoutMs} ms`), options.signal);
  const way = new WayBack(calls, limit.signal);
  let stream: Stream | undefined;
  let offset = from;
  let finished = false;
  let told = false;
  try {
    for (;;) {
      let message: Uint8Array | undefined;
      try {
        if (stream === undefined) {
          const answer: Answer = await way.ask(askedFrom(offset), { ...options, ...limit.rest() });
          stream = answer.stream;
          const id = valueOf(answer.head, generationField);
          way.answered(id !== undefined, offset > from);
          if (id !== undefined && !told) options.onGeneration?.(id);
          told ||= id !== undefined;
        }
        message = await stream.read();
      } catch (error) {
        stream?.cancel();
        stream = undefined;
        // Only the end is missing, and it says nothing more.
        if (finished && isLost(error)) return;
        way.lost(error);
        continue;
      }
      if (message === undefined) return;
      const update = fromBinary(pb.GenerationUpdateSchema, message);
      offset++;
      finished = update.result !== undefined;
      way.arrived();
      yield update;
    }
  } finally {
    stream?.cancel();
    limit.dispose();
  }
}

/** From a connection that was lost to the next one, as long as there is patience for it. */
class WayBack {
  readonly #backoff;
  readonly #withinMs: number;
  /** Milliseconds that may still pass without a connection. */
  #leftMs: number;
  /** Before that, there was no answer that could have been lost. */
  #sent = false;
  #kept: boolean | undefined;
  /** Why the last connection ended that brought something; undefined while all is well. */
  #lost: ChasquiError | undefined;
  /** Why it has not been come back since. */
  #last: unknown;
  #over = false;

  constructor(readonly calls: Calls, readonly signal: AbortSignal | undefined) {
    this.#backoff = calls.connector.newBackoff();
    this.#withinMs = this.#leftMs = calls.connector.resumeWithinMs;
  }

  ask(asked: Asked, options: CallOptions): Promise<Answer> {
    return this.calls.ask(asked, options, { connect: () => this.#connect() });
  }

  /** The head has come: whether the gateway keeps the answer, and whether this is the rest of one. */
  answered(kept: boolean, isRest: boolean): void {
    this.#kept = kept;
    // Without it, this would be the answer from its beginning once more.
    if (isRest && !kept) throw new ChasquiError("generation_not_kept", "the gateway does not say which answer it goes on with");
  }

  /** What was waited for has come, so that the next loss is one of its own. */
  arrived(): void {
    this.#lost = this.#last = undefined;
    this.#leftMs = this.#withinMs;
    this.#backoff.succeeded();
  }

  /** Returns where another try is of use, else throws. */
  lost(error: unknown): void {
    this.signal?.throwIfAborted();
    if (this.#over) throw error;
    if (this.#lost === undefined) {
      if (!this.#sent || !isLost(error)) throw error;
      if (this.#kept === false) throw withCause(error, new ChasquiError("generation_not_kept", "the gateway does not keep this answer"));
      this.#lost = error;
    } else if (error instanceof ChasquiError && (error.code === "generation_not_found" || error.code === "generation_not_kept")) {
      throw withCause(this.#lost, error);
    } else if (!isLost(error) && !(error instanceof ChasquiError && error.wireCode === ErrorCode.Refused)) {
      throw error;
    } else {
      this.#last = error;
    }
    this.#backoff.failed();
  }

  async #connect(): Promise<Connection> {
    if (this.#lost === undefined) {
      const first = await this.calls.connector.get(this.signal);
      this.#sent = true;
      return first;
    }
    // Waiting for an answer over a connection that lives needs no patience: it may be a long prompt that is read.
    const began = performance.now();
    const patience = new Limit(Math.max(0, this.#leftMs), () => withCause(this.#lost!, this.#last ?? this.#lost!.cause), this.signal);
    try {
      await delay(this.#backoff.next(), patience.signal);
      return await this.calls.connector.get(patience.signal);
    } catch (error) {
      this.#over = patience.over;
      throw error;
    } finally {
      patience.dispose();
      this.#leftMs -= performance.now() - began;
    }
  }
}
