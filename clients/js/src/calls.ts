import { create, fromBinary, toBinary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { text } from "./bytes.js";
import type { Connection } from "./connection.js";
import type { Connector } from "./connector.js";
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

/** A request as it is sent. */
export interface Asked {
  op: string;
  /** Its messages; the end follows the last. */
  messages: readonly Uint8Array[];
  /** Beside those of every call. */
  headers?: readonly HeaderField[];
}

/** An answer whose head has come with a status of success. */
export interface Answer {
  stream: Stream;
  head: readonly HeaderField[];
}

/** What a call may do in its own way. */
export interface Ways {
  /** Gives the connection. */
  connect?: () => Promise<Connection>;
  /** Makes the error of a status that is none of success. */
  fail?: (status: number, head: readonly HeaderField[], stream: Stream) => Promise<ChasquiError>;
}

const mostRefusals = 3;
const protobuf = "application/x-protobuf";

/** Sends requests over the one connection. */
export class Calls {
  constructor(readonly connector: Connector) {}

  /** Waits for the head of the answer. What surely was not processed is sent again. */
  async ask({ op, messages, headers = [] }: Asked, options: CallOptions = {}, ways: Ways = {}): Promise<Answer> {
    const fields = [...headersOf(op, options), ...headers];
    const { connect = () => this.connector.get(options.signal), fail = answeredError } = ways;
    const [message, ...rest] = messages;
    for (let attempt = 1; ; attempt++) {
      let stream: Stream | undefined;
      try {
        options.signal?.throwIfAborted();
        const connection = await connect();
        stream = connection.open(fields, {
          signal: options.signal,
          end: rest.length === 0,
          ...(message === undefined ? {} : { message }),
          ...(options.priority === undefined ? {} : { priority: options.priority }),
        });
        for (const [index, each] of rest.entries()) void stream.write(each, index === rest.length - 1).catch(() => {});
        const head = await stream.response;
        const status = Number(valueOf(head, "status"));
        if (status >= 200 && status < 300) return { stream, head };
        if (!Number.isInteger(status)) throw new ChasquiError("internal", "the answer has no status");
        throw await fail(status, head, stream);
      } catch (error) {
        stream?.cancel();
        const refused = error instanceof ChasquiError && error.mayRetry && error.wireCode !== ErrorCode.Unavailable;
        if (!refused || attempt >= mostRefusals) throw error;
        await delay(this.connector.pause(), options.signal);
      }
    }
  }

  /** One message for one message. */
  async unary<Q extends GenMessage<any>, A extends GenMessage<any>>(
    op: string, schema: Q, request: MessageInitShape<Q>, answer: A, options?: CallOptions,
  ): Promise<MessageShape<A>> {
    const { stream } = await this.ask({ op, messages: [packed(schema, request)] }, options);
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

  /** A stream of messages. Nothing happens before the first is asked for. */
  async *many<A extends GenMessage<any>>(asked: () => Asked, answer: A, options?: CallOptions): AsyncGenerator<MessageShape<A>, void> {
    const { stream } = await this.ask(asked(), options);
    for await (const message of stream) yield fromBinary(answer, message);
  }
}

export function packed<Q extends GenMessage<any>>(schema: Q, request: MessageInitShape<Q>): Uint8Array {
  return toBinary(schema, create(schema, request));
}

export function valueOf(head: readonly HeaderField[], name: string): string | undefined {
  return head.find((field) => field.name === name)?.value;
}

function headersOf(op: string, { timeoutMs, requestId, traceparent }: CallOptions): HeaderField[] {
  const headers: HeaderField[] = [{ name: "op", value: op }];
  if (timeoutMs !== undefined) headers.push({ name: "deadline-ms", value: String(timeoutMs) });
  if (requestId !== undefined) headers.push({ name: "request-id", value: requestId });
  if (traceparent !== undefined) headers.push({ name: "traceparent", value: traceparent });
  return headers;
}

/** The error of the `Error` message that is the answer's body, or of whatever is there instead. */
export async function answeredError(status: number, head: readonly HeaderField[], stream: Stream): Promise<ChasquiError> {
  const body = await stream.read();
  if (body === undefined) return new ChasquiError("internal", `the gateway answered ${status}`, { status });
  const type = valueOf(head, "content-type") ?? protobuf;
  if (!type.startsWith(protobuf)) return new ChasquiError("internal", text(body), { status });
  const error = fromBinary(pb.ErrorSchema, body);
  const { retryAfterMs, details, suggestions } = error;
  return new ChasquiError(error.code || "internal", error.message || `the gateway answered ${status}`, { status, retryAfterMs, details, suggestions });
}
