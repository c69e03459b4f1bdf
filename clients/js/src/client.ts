import { create, fromBinary, toBinary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { text, utf8 } from "./bytes.js";
import { Connector, type ChasquiClientOptions } from "./connector.js";
import { ChasquiError, ErrorCode } from "./errors.js";
import * as pb from "./gen/chasqui_pb.js";
import type { HeaderField } from "./hpack/table.js";
import type { Priority } from "./scheduler.js";
import type { Stream } from "./stream.js";
import { delay } from "./waiting.js";

export interface CallOptions {
  /** Cancels the call at the gateway too; the call fails with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds within which the answer must have ended, 1 to 86,400,000; then it fails with `deadline`. */
  timeoutMs?: number;
  priority?: Priority;
  /** For logs. */
  requestId?: string;
  /** As in W3C trace context. */
  traceparent?: string;
}

export interface SubscribeOptions extends CallOptions {
  /** Whether to subscribe again after the connection is lost; default true. A gap shows in `missed` where the numbers tell. */
  resume?: boolean;
}

type Common = MessageInitShape<typeof pb.GenerationCommonSchema>;
/** What is common to generate and chat may stand beside the prompt, or in `common`. */
type WithCommon<T> = T & Omit<Common, "$typeName" | "$unknown">;
export type GenerateInit = WithCommon<Exclude<MessageInitShape<typeof pb.GenerateRequestSchema>, pb.GenerateRequest>>;
export type ChatInit = WithCommon<Exclude<MessageInitShape<typeof pb.ChatRequestSchema>, pb.ChatRequest>>;

const commonKeys = pb.GenerationCommonSchema.fields.map((field) => field.localName);
const mostRefusals = 3;
const protobuf = "application/x-protobuf";

/** Calls a Chasqui gateway. One connection carries all calls; it is made at the first, and again when it was lost. */
export class ChasquiClient {
  readonly #connector: Connector;
  readonly models: ModelCalls;

  /** address: ws:// or wss://, in Node.js also tcp://, tls:// and unix:. Throws TypeError where it is none. */
  constructor(address: string, options: ChasquiClientOptions = {}) {
    this.#connector = new Connector(address, options);
    this.models = {
      list: (o) => this.#unary("models.list", pb.EmptySchema, {}, pb.ModelListSchema, o),
      show: (model, o) => this.#unary("models.show", pb.ModelNameSchema, { model }, pb.ModelDescriptionSchema, o),
      ps: (o) => this.#unary("models.ps", pb.EmptySchema, {}, pb.ResidentListSchema, o),
      load: (request, o) => this.#unary("models.load", pb.LoadRequestSchema, named(request), pb.ResidentModelSchema, o),
      unload: (model, o) => this.#unary("models.unload", pb.ModelNameSchema, { model }, pb.UnloadResponseSchema, o),
      pin: (model, o) => this.#unary("models.pin", pb.PinRequestSchema, { model }, pb.ResidentModelSchema, o),
      unpin: (model, o) => this.#unary("models.pin", pb.PinRequestSchema, { model, unpin: true }, pb.ResidentModelSchema, o),
      pull: (model, o) => this.#many("models.pull", pb.ModelNameSchema, { model }, pb.PullProgressSchema, o),
    };
  }

  /** The text as it is made; the last update has `result`. Leaving the loop cancels the call. */
  generate(request: GenerateInit, options?: CallOptions): AsyncGenerator<pb.GenerationUpdate, void> {
    return this.#many("generate", pb.GenerateRequestSchema, withCommon(request), pb.GenerationUpdateSchema, options);
  }

  /** As `generate`, for a talk. */
  chat(request: ChatInit, options?: CallOptions): AsyncGenerator<pb.GenerationUpdate, void> {
    return this.#many("chat", pb.ChatRequestSchema, withCommon(request), pb.GenerationUpdateSchema, options);
  }

  embed(request: MessageInitShape<typeof pb.EmbedRequestSchema>, options?: CallOptions): Promise<pb.EmbedResponse> {
    return this.#unary("embed", pb.EmbedRequestSchema, request, pb.EmbedResponseSchema, options);
  }

  tokenize(request: MessageInitShape<typeof pb.TokenizeRequestSchema>, options?: CallOptions): Promise<pb.TokenizeResponse> {
    return this.#unary("tokenize", pb.TokenizeRequestSchema, request, pb.TokenizeResponseSchema, options);
  }

  info(options?: CallOptions): Promise<pb.ServerInfo> {
    return this.#unary("server.info", pb.EmptySchema, {}, pb.ServerInfoSchema, options);
  }

  /** The events of a channel, until the signal or the end of the loop. */
  async *subscribe(channel: string, options: SubscribeOptions = {}): AsyncGenerator<pb.ChannelEvent, void> {
    const request = toBinary(pb.SubscribeRequestSchema, create(pb.SubscribeRequestSchema, { channel }));
    let last: bigint | undefined;
    let subscribed = false;
    for (;;) {
      try {
        const stream = await this.#ask("channel.subscribe", request, options);
        subscribed = true;
        for await (const message of stream) {
          const event = fromBinary(pb.ChannelEventSchema, message);
          // A new subscription does not know what the old one had.
          if (last !== undefined && event.missed === 0n && event.number > last + 1n) event.missed = event.number - last - 1n;
          last = event.number;
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

  /** Publishes on a channel. A text is sent as UTF-8, `text/plain` unless told. */
  publish(channel: string, payload: Uint8Array | string, contentType?: string, options?: CallOptions): Promise<pb.PublishResponse> {
    const isText = typeof payload === "string";
    const request = {
      channel,
      payload: isText ? utf8(payload) : payload,
      contentType: contentType ?? (isText ? "text/plain; charset=utf-8" : "application/octet-stream"),
    };
    return this.#unary("channel.publish", pb.PublishRequestSchema, request, pb.PublishResponseSchema, options);
  }

  /** Says goodbye. Calls that run have drainMs to end (default 0), then they are cancelled. */
  close(drainMs = 0): Promise<void> {
    return this.#connector.close(drainMs);
  }

  async #unary<Q extends GenMessage<any>, A extends GenMessage<any>>(
    op: string, schema: Q, request: MessageInitShape<Q>, answer: A, options?: CallOptions,
  ): Promise<MessageShape<A>> {
    const stream = await this.#ask(op, toBinary(schema, create(schema, request)), options);
    try {
      // An end without a message is a message without bytes.
      const message = await stream.read();
      if (message === undefined) return fromBinary(answer, new Uint8Array());
      const result = fromBinary(answer, message);
      await stream.read();
      return result;
    } finally {
      stream.cancel();
    }
  }

  async *#many<Q extends GenMessage<any>, A extends GenMessage<any>>(
    op: string, schema: Q, request: MessageInitShape<Q>, answer: A, options?: CallOptions,
  ): AsyncGenerator<MessageShape<A>, void> {
    const stream = await this.#ask(op, toBinary(schema, create(schema, request)), options);
    for await (const message of stream) yield fromBinary(answer, message);
  }

  /** A stream whose head has come with status 200. What surely was not processed is sent again. */
  async #ask(op: string, message: Uint8Array, options: CallOptions = {}): Promise<Stream> {
    const headers = headersOf(op, options);
    for (let attempt = 1; ; attempt++) {
      let stream: Stream | undefined;
      try {
        options.signal?.throwIfAborted();
        const connection = await this.#connector.get(options.signal);
        stream = connection.open(headers, {
          message,
          signal: options.signal,
          ...(options.priority === undefined ? {} : { priority: options.priority }),
        });
        const head = await stream.response;
        const status = Number(head.find(({ name }) => name === "status")?.value);
        if (status === 200) return stream;
        throw await answeredError(status, head, stream);
      } catch (error) {
        stream?.cancel();
        const refused = error instanceof ChasquiError && error.mayRetry && error.wireCode !== ErrorCode.Unavailable;
        if (!refused || attempt >= mostRefusals) throw error;
        await delay(this.#connector.pause(), options.signal);
      }
    }
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

/** A subscription that ends so may go on over another connection. */
const lostCodes: ReadonlySet<number> = new Set([
  ErrorCode.NoError,
  ErrorCode.Truncated,
  ErrorCode.HeartbeatTimeout,
  ErrorCode.Refused,
  ErrorCode.Unavailable,
]);

function headersOf(op: string, { timeoutMs, requestId, traceparent }: CallOptions): HeaderField[] {
  const headers: HeaderField[] = [{ name: "op", value: op }];
  if (timeoutMs !== undefined) headers.push({ name: "deadline-ms", value: String(timeoutMs) });
  if (requestId !== undefined) headers.push({ name: "request-id", value: requestId });
  if (traceparent !== undefined) headers.push({ name: "traceparent", value: traceparent });
  return headers;
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

async function answeredError(status: number, head: readonly HeaderField[], stream: Stream): Promise<ChasquiError> {
  if (!Number.isInteger(status)) return new ChasquiError("internal", "the answer has no status");
  const body = await stream.read();
  if (body === undefined) return new ChasquiError("internal", `the gateway answered ${status}`, { status });
  const type = head.find(({ name }) => name === "content-type")?.value ?? protobuf;
  if (!type.startsWith(protobuf)) return new ChasquiError("internal", text(body), { status });
  const error = fromBinary(pb.ErrorSchema, body);
  const { retryAfterMs, details, suggestions } = error;
  return new ChasquiError(error.code || "internal", error.message || `the gateway answered ${status}`, { status, retryAfterMs, details, suggestions });
}
