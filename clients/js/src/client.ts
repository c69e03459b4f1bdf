import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { text, utf8 } from "./bytes.js";
import { Calls, packed, type Asked, type CallOptions } from "./calls.js";
import { Connector, type ChasquiClientOptions } from "./connector.js";
import { ChasquiError, lostCodes } from "./errors.js";
import * as pb from "./gen/chasqui_pb.js";
import type { HeaderField } from "./hpack/table.js";
import { generationField, newGenerationId, resuming, type AskedFrom, type GenerationCallOptions } from "./resuming.js";
import { SessionCalls, type SessionChange } from "./sessions.js";
import { delay } from "./waiting.js";

export interface SubscribeOptions extends CallOptions {
  /** Whether to subscribe again after the connection is lost; default true. A gap shows in `missed` where the numbers tell; on `session.ID` there is none. */
  resume?: boolean;
  /** On `session.ID`: the changes after this version come first, 0 for all. Without it, and on other channels, what comes from now on. */
  after?: bigint | number;
}

export interface ChatOptions extends GenerationCallOptions {
  /** Records question and answer in this session, which is made where there is none; `new` for one whose id `result.session` tells. */
  session?: string;
  /** The version that the writer saw: where it is another by now, the error is `session_conflict`, and `details.version` tells which. */
  sessionVersion?: number | bigint;
}

type Common = MessageInitShape<typeof pb.GenerationCommonSchema>;
/** What is common to generate and chat may stand beside the prompt, or in `common`. */
type WithCommon<T> = T & Omit<Common, "$typeName" | "$unknown">;
export type GenerateInit = WithCommon<Exclude<MessageInitShape<typeof pb.GenerateRequestSchema>, pb.GenerateRequest>>;
export type ChatInit = WithCommon<Exclude<MessageInitShape<typeof pb.ChatRequestSchema>, pb.ChatRequest>>;

const commonKeys = pb.GenerationCommonSchema.fields.map((field) => field.localName);
const sessionPrefix = "session.";

/** Calls a Chasqui gateway. One connection carries all calls; it is made at the first, and again when it was lost. */
export class ChasquiClient {
  readonly #connector: Connector;
  readonly #calls: Calls;
  readonly #resume: boolean;
  readonly models: ModelCalls;
  readonly sessions: SessionCalls;

  /** address: ws:// or wss://, in Node.js also tcp://, tls:// and unix:. Throws TypeError where it is none. */
  constructor(address: string, options: ChasquiClientOptions = {}) {
    this.#connector = new Connector(address, options);
    this.#calls = new Calls(this.#connector);
    this.#resume = options.resume ?? false;
    const calls = this.#calls;
    this.sessions = new SessionCalls(calls);
    this.models = {
      list: (o) => calls.unary("models.list", pb.EmptySchema, {}, pb.ModelListSchema, o),
      show: (model, o) => calls.unary("models.show", pb.ModelNameSchema, { model }, pb.ModelDescriptionSchema, o),
      ps: (o) => calls.unary("models.ps", pb.EmptySchema, {}, pb.ResidentListSchema, o),
      load: (request, o) => calls.unary("models.load", pb.LoadRequestSchema, named(request), pb.ResidentModelSchema, o),
      unload: (model, o) => calls.unary("models.unload", pb.ModelNameSchema, { model }, pb.UnloadResponseSchema, o),
      pin: (model, o) => calls.unary("models.pin", pb.PinRequestSchema, { model }, pb.ResidentModelSchema, o),
      unpin: (model, o) => calls.unary("models.pin", pb.PinRequestSchema, { model, unpin: true }, pb.ResidentModelSchema, o),
      pull: (model, o) => calls.many(() => ({ op: "models.pull", messages: [packed(pb.ModelNameSchema, { model })] }), pb.PullProgressSchema, o),
    };
  }

  /** The text as it is made; the last update has `result`. Leaving the loop cancels the call. */
  generate(request: GenerateInit, options: GenerationCallOptions = {}): AsyncGenerator<pb.GenerationUpdate, void> {
    return this.#generation("generate", () => packed(pb.GenerateRequestSchema, withCommon(request)), [], options);
  }

  /** As `generate`, for a talk. With `session` only what is new is sent: the gateway knows what was said before. */
  chat(request: ChatInit, options: ChatOptions = {}): AsyncGenerator<pb.GenerationUpdate, void> {
    const { session, sessionVersion } = options;
    const headers: HeaderField[] = [];
    if (session !== undefined) headers.push({ name: "session", value: session });
    if (sessionVersion !== undefined) headers.push({ name: "session-version", value: String(sessionVersion) });
    return this.#generation("chat", () => packed(pb.ChatRequestSchema, withCommon(request)), headers, options);
  }

  /** What an answer that the gateway keeps has after that many updates, whoever asked for it. Leaving the loop ends the answer only where nobody else reads. */
  resume(id: string, offset = 0, options: GenerationCallOptions = {}): AsyncGenerator<pb.GenerationUpdate, void> {
    const asked = (from: number): Asked => ({ op: "generation.resume", messages: [packed(pb.ResumeRequestSchema, { id, offset: from })] });
    return this.#updates(asked, options, offset);
  }

  /** Ends an answer that the gateway keeps, whoever reads it. */
  async cancelGeneration(id: string, options?: CallOptions): Promise<void> {
    await this.#calls.unary("generation.cancel", pb.GenerationNameSchema, { id }, pb.EmptySchema, options);
  }

  embed(request: MessageInitShape<typeof pb.EmbedRequestSchema>, options?: CallOptions): Promise<pb.EmbedResponse> {
    return this.#calls.unary("embed", pb.EmbedRequestSchema, request, pb.EmbedResponseSchema, options);
  }

  tokenize(request: MessageInitShape<typeof pb.TokenizeRequestSchema>, options?: CallOptions): Promise<pb.TokenizeResponse> {
    return this.#calls.unary("tokenize", pb.TokenizeRequestSchema, request, pb.TokenizeResponseSchema, options);
  }

  info(options?: CallOptions): Promise<pb.ServerInfo> {
    return this.#calls.unary("server.info", pb.EmptySchema, {}, pb.ServerInfoSchema, options);
  }

  /** The events of a channel, until the signal or the end of the loop. */
  async *subscribe(channel: string, options: SubscribeOptions = {}): AsyncGenerator<pb.ChannelEvent, void> {
    const isKept = channel.startsWith(sessionPrefix);
    let after = options.after === undefined ? undefined : BigInt(options.after);
    let last: bigint | undefined;
    let subscribed = false;
    for (;;) {
      try {
        const request = packed(pb.SubscribeRequestSchema, after === undefined ? { channel } : { channel, after });
        const { stream } = await this.#calls.ask({ op: "channel.subscribe", messages: [request] }, options);
        subscribed = true;
        for await (const message of stream) {
          const event = fromBinary(pb.ChannelEventSchema, message);
          // A new subscription does not know what the old one had.
          if (last !== undefined && event.missed === 0n && event.number > last + 1n) event.missed = event.number - last - 1n;
          last = event.number;
          if (isKept) after = last;
          yield event;
        }
        return;
      } catch (error) {
        const lost = error instanceof ChasquiError && error.wireCode !== undefined && lostCodes.has(error.wireCode);
        if (!subscribed || !lost || options.resume === false) throw error;
      }
      await delay(this.#connector.pause(), options.signal);
    }
  }

  /**
   * The changes of a session, each once and in order, over as many connections as it takes; ends with `deleted`. Without `after` they are
   * those from now on, and a connection that is lost before the first may hide some.
   */
  async *followSession(id: string, options: SubscribeOptions = {}): AsyncGenerator<SessionChange, void> {
    for await (const event of this.subscribe(sessionPrefix + id, options)) {
      const change = JSON.parse(text(event.payload)) as SessionChange;
      yield change;
      if (change.kind === "deleted") return;
    }
  }

  /** Publishes on a channel. A text is sent as UTF-8, `text/plain` unless told. */
  publish(channel: string, payload: Uint8Array | string, contentType?: string, options?: CallOptions): Promise<pb.PublishResponse> {
    const isText = typeof payload === "string";
    const request = {
      channel,
      payload: isText ? utf8(payload) : payload,
      contentType: contentType ?? (isText ? "text/plain; charset=utf-8" : "application/octet-stream"),
    };
    return this.#calls.unary("channel.publish", pb.PublishRequestSchema, request, pb.PublishResponseSchema, options);
  }

  /** Says goodbye. Calls that run have drainMs to end (default 0), then they are cancelled. */
  close(drainMs = 0): Promise<void> {
    return this.#connector.close(drainMs);
  }

  #generation(op: string, pack: () => Uint8Array, headers: HeaderField[], options: GenerationCallOptions): AsyncGenerator<pb.GenerationUpdate, void> {
    const resume = options.resume ?? this.#resume;
    const named = resume ? [...headers, { name: generationField, value: newGenerationId() }] : headers;
    let message: Uint8Array | undefined;
    const asked = (offset: number): Asked => ({
      op,
      // Packed once, so that what is changed in the request meanwhile does not make it another.
      messages: [(message ??= pack())],
      headers: offset === 0 ? named : [...named, { name: "offset", value: String(offset) }],
    });
    return this.#updates(asked, { ...options, resume });
  }

  #updates(asked: AskedFrom, options: GenerationCallOptions, from = 0): AsyncGenerator<pb.GenerationUpdate, void> {
    if (options.resume ?? this.#resume) return resuming(this.#calls, asked, options, from);
    return this.#calls.many(() => asked(from), pb.GenerationUpdateSchema, options);
  }
}

/** The operations on models. Names are as in the Ollama API. */
export interface ModelCalls {
  list(options?: CallOptions): Promise<pb.ModelList>;
  show(model: string, options?: CallOptions): Promise<pb.ModelDescription>;
  /** Those in memory. */
  ps(options?: CallOptions): Promise<pb.ResidentList>;
  load(request: string | MessageInitShape<typeof pb.LoadRequestSchema>, options?: CallOptions): Promise<pb.ResidentModel>;
  unload(model: string, options?: CallOptions): Promise<pb.UnloadResponse>;
  /** Keeps it in memory. */
  pin(model: string, options?: CallOptions): Promise<pb.ResidentModel>;
  unpin(model: string, options?: CallOptions): Promise<pb.ResidentModel>;
  pull(model: string, options?: CallOptions): AsyncGenerator<pb.PullProgress, void>;
}

function named(request: string | MessageInitShape<typeof pb.LoadRequestSchema>): MessageInitShape<typeof pb.LoadRequestSchema> {
  return typeof request === "string" ? { model: request } : request;
}

/** Moves what is common from beside the prompt into `common`. */
function withCommon(request: GenerateInit | ChatInit): any {
  const beside: Record<string, unknown> = {};
  const rest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(request)) (commonKeys.includes(key) ? beside : rest)[key] = value;
  if (Object.keys(beside).length > 0) rest["common"] = { ...(request.common as object | undefined), ...beside };
  return rest;
}
