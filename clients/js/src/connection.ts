import { ByteWriter, cutUtf8, utf8 } from "./bytes.js";
import { ClosedStreams } from "./closed-streams.js";
import { costOf, minCost, ReceiveCredit, SendCredit } from "./credit.js";
import { ChasquiError, ErrorCode, ProtocolError, wireError } from "./errors.js";
import { FloodGuard } from "./flood.js";
import { encodeFrame, Flag, FrameReader, FrameType, type Frame } from "./frames.js";
import { HeaderDecoder } from "./hpack/decoder.js";
import { HeaderEncoder } from "./hpack/encoder.js";
import { fieldSize, type HeaderField } from "./hpack/table.js";
import { maxReason, readBatch, readCredit, readData, readGoodbye, readHead, readHeartbeat, readReset, type BatchEntry, type Ending, type Head } from "./payloads.js";
import { Priority, Scheduler } from "./scheduler.js";
import { checkSettings, decodeSettings, defaultSettings, encodeSettings, maxHello, type Settings } from "./settings.js";
import { Stream, type Outgoing, type StreamOwner } from "./stream.js";
import type { Transport } from "./transports/transport.js";

export interface ConnectionOptions {
  /** What our hello says; what is left out has the protocol's default. The gateway may open no streams here. */
  settings?: Partial<Settings>;
  /** Milliseconds until the gateway's hello must be there; default 10,000. */
  handshakeTimeoutMs?: number;
  /** Greatest message that is taken, in bytes; default 16 MiB. */
  maxMessageBytes?: number;
  /** Requests that wait for a free stream at most; default 10,000. */
  maxWaiting?: number;
}

export interface OpenOptions {
  message?: Uint8Array;
  /** Whether nothing follows the message; default true. */
  end?: boolean;
  priority?: Priority;
  /** Ends the stream with RESET CANCELLED; the call fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const highWater = 1_048_576;
const largestPiece = 65_536;
const maxStreamId = 0xffff_ffff;

/** One connection, on the side that dialed. */
export class Connection implements StreamOwner {
  /** Resolves when all is over: with the error, or with undefined after an end in order. Never rejects. */
  readonly closed: Promise<ChasquiError | undefined>;
  readonly maxMessageBytes: number;
  readonly #own: Settings;
  readonly #maxWaiting: number;
  #peer = defaultSettings();
  #state: "hello" | "open" | "closed" = "hello";
  #draining = false;
  #error: ChasquiError | undefined;
  #streams = new Map<number, Stream>();
  #ended = new ClosedStreams();
  #waiting: Stream[] = [];
  #scheduler = new Scheduler<Stream>();
  #nextId = 1;
  #lastPeerId = 0;
  #reader: FrameReader;
  #decoder: HeaderDecoder;
  #encoder: HeaderEncoder | undefined;
  #sendCredit = new SendCredit(0);
  #receiveCredit: ReceiveCredit;
  #flood = new FloodGuard(() => performance.now());
  #lastHeard = performance.now();
  #asked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opened!: (error?: ChasquiError) => void;
  #resolveClosed!: (error: ChasquiError | undefined) => void;
  #pumping = false;

  private constructor(readonly transport: Transport, options: ConnectionOptions) {
    this.#own = { ...defaultSettings(), name: "chasqui-client", maxStreams: 0, ...options.settings };
    checkSettings(this.#own);
    this.maxMessageBytes = options.maxMessageBytes ?? 16 * 1_048_576;
    this.#maxWaiting = options.maxWaiting ?? 10_000;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#reader = new FrameReader(maxHello);
    this.#decoder = new HeaderDecoder(this.#own.headerTable, this.#own.maxHeaderList);
    this.#receiveCredit = new ReceiveCredit(this.#own.connectionCredit, (n) => this.#sendGrant(0, n));
    transport.onData = (chunk) => this.#receive(chunk);
    transport.onDrain = () => this.#pump();
    transport.onClose = (error) => this.#lost(error);
  }

  /** Says hello over a transport that is connected. Throws ChasquiError; then the transport is closed. */
  static async start(transport: Transport, options: ConnectionOptions = {}): Promise<Connection> {
    const connection = new Connection(transport, options);
    const answered = new Promise<ChasquiError | undefined>((resolve) => (connection.#opened = resolve));
    const patience = setTimeout(
      () => connection.#fail(new ProtocolError(ErrorCode.HandshakeTimeout, "no hello from the gateway in time")),
      options.handshakeTimeoutMs ?? 10_000,
    );
    connection.#send(FrameType.Hello, 0, encodeSettings(connection.#own));
    const error = await answered;
    clearTimeout(patience);
    if (error !== undefined) throw error;
    return connection;
  }

  /** What the gateway's hello said. */
  get peer(): Readonly<Settings> {
    return this.#peer;
  }

  /** Whether a stream can be opened. */
  get available(): boolean {
    return this.#state === "open" && !this.#draining && this.#nextId <= maxStreamId;
  }

  get activeStreams(): number {
    return this.#streams.size;
  }

  /** Opens a stream as soon as the gateway allows one more. Throws ChasquiError, or the signal's reason. */
  open(headers: readonly HeaderField[], options: OpenOptions = {}): Stream {
    const { message, end = true, priority = Priority.Normal, signal } = options;
    signal?.throwIfAborted();
    if (!this.available) throw this.#error ?? wireError(ErrorCode.Refused, "the connection takes no more requests");
    const size = headers.reduce((sum, { name, value }) => sum + fieldSize(utf8(name), utf8(value)), 0);
    if (size > this.#peer.maxHeaderList) throw wireError(ErrorCode.HeadersTooLarge, "the headers are larger than the gateway takes");
    if (this.#waiting.length >= this.#maxWaiting) throw new ChasquiError("overloaded", "too many requests wait for a free stream");

    const stream = new Stream(this, headers, priority);
    if (message !== undefined) void stream.write(message, end);
    else if (end) void stream.end();
    if (signal !== undefined) {
      const abort = (): void => stream.cancel("", signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.#onOver.set(stream, () => signal.removeEventListener("abort", abort));
    }
    this.#waiting.push(stream);
    this.#pump();
    return stream;
  }

  readonly #onOver = new WeakMap<Stream, () => void>();

  /** Says goodbye. Streams have drainMs to end (default 0), then they are cancelled. */
  async close(drainMs = 0): Promise<void> {
    if (this.#state === "closed") return;
    const first = !this.#draining || !this.#saidGoodbye;
    this.#draining = true;
    this.#refuseWaiting();
    if (drainMs === 0) this.#cancelAll();
    if (first) this.#goodbye(ErrorCode.NoError, "");
    if (this.#streams.size === 0) return this.#finish(undefined);
    const timer = setTimeout(() => {
      this.#cancelAll();
      this.#finish(undefined);
    }, drainMs);
    await this.closed;
    clearTimeout(timer);
  }

  #saidGoodbye = false;

  // StreamOwner

  wake(stream: Stream): void {
    if (stream.id === 0) return;
    this.#scheduler.add(stream);
    this.#pump();
  }

  taken(cost: number): void {
    if (this.#state === "open") this.#receiveCredit.giveBack(cost);
  }

  reset(stream: Stream, code: ErrorCode, reason: string): void {
    this.#forget(stream);
    if (stream.id === 0) this.#waiting = this.#waiting.filter((other) => other !== stream);
    else this.#sendReset(stream.id, code, reason);
    this.#afterStream();
  }

  // Sending

  #send(type: number, stream: number, ...parts: Uint8Array[]): void {
    this.transport.send(encodeFrame(type, stream, ...parts));
  }

  #sendReset(id: number, code: ErrorCode, reason: string): void {
    if (this.#state === "open") this.#send(FrameType.Reset, id, new ByteWriter().varint(code).bytes(cutUtf8(reason, maxReason)).done());
  }

  #sendGrant(id: number, increment: number): void {
    if (this.#state === "open") this.#send(FrameType.Credit, id, new ByteWriter().uint32(increment).done());
  }

  #goodbye(code: ErrorCode, reason: string): void {
    this.#saidGoodbye = true;
    const payload = new ByteWriter().uint32(this.#lastPeerId).varint(code).bytes(cutUtf8(reason, maxReason)).done();
    this.#send(FrameType.Goodbye, 0, payload);
  }

  /** Sends what may be sent: new requests first, then pieces of messages, while the transport takes them. */
  #pump(): void {
    if (this.#pumping || this.#state !== "open") return;
    this.#pumping = true;
    try {
      const hasRoom = (): boolean => this.#state === "open" && this.transport.buffered < highWater;
      while (this.#waiting.length > 0 && this.#streams.size < this.#peer.maxStreams && this.available && hasRoom()) {
        this.#sendRequest(this.#waiting.shift()!);
      }
      while (hasRoom()) {
        const stream = this.#scheduler.take((candidate) => this.#canSend(candidate));
        if (stream === undefined) break;
        this.#sendData(stream);
        if (stream.outgoing.length > 0) this.#scheduler.add(stream);
        this.#settle(stream);
      }
    } finally {
      this.#pumping = false;
    }
  }

  #canSend(stream: Stream): boolean {
    const first = stream.outgoing[0];
    return first !== undefined && (first.bytes === undefined || this.#allowance(stream) >= minCost);
  }

  #allowance(stream: Stream): number {
    return Math.min(stream.sendCredit.left, this.#sendCredit.left);
  }

  #sendRequest(stream: Stream): void {
    const block = this.#encoder!.encode(stream.headers);
    const length = new ByteWriter().varint(block.length).done();
    const room = this.#peer.maxFrame - 1 - length.length - block.length;
    if (room < 0) {
      // The table of the encoder has moved on, so this cannot be taken back; max_header_list of more than max_frame is rare.
      return this.#fail(new ProtocolError(ErrorCode.Internal, "a header block does not fit in a frame"));
    }
    stream.id = this.#nextId;
    this.#nextId += 2;
    stream.sendCredit = new SendCredit(this.#peer.streamCredit);
    const id = stream.id;
    stream.receiveCredit = new ReceiveCredit(this.#own.streamCredit, (n) => this.#sendGrant(id, n));
    this.#streams.set(id, stream);

    let flags = stream.priority << Flag.PriorityShift;
    let body = new Uint8Array();
    const first = stream.outgoing[0];
    if (first?.bytes === undefined) {
      if (first?.end) flags |= this.#finishFirst(stream, first);
    } else if (this.#allowance(stream) >= minCost && (room > 0 || first.bytes.length === 0)) {
      body = this.#takePiece(stream, first, room) as Uint8Array<ArrayBuffer>;
      flags |= Flag.Message;
      flags |= first.offset < first.bytes.length ? Flag.More : this.#finishFirst(stream, first);
    }
    this.#send(FrameType.Request, id, Uint8Array.of(flags), length, block, body);
    if (stream.outgoing.length > 0) this.#scheduler.add(stream);
  }

  #sendData(stream: Stream): void {
    const first = stream.outgoing[0]!;
    if (first.bytes === undefined) {
      this.#send(FrameType.Data, stream.id, Uint8Array.of(this.#finishFirst(stream, first)));
      return;
    }
    const empty = first.bytes.length === 0;
    const body = this.#takePiece(stream, first, this.#peer.maxFrame - 1);
    if (first.offset < first.bytes.length) {
      this.#send(FrameType.Data, stream.id, Uint8Array.of(Flag.More), body);
    } else if (empty && first.end) {
      // With END, no bytes are no message.
      this.#send(FrameType.Data, stream.id, Uint8Array.of(0));
      first.bytes = undefined;
    } else {
      this.#send(FrameType.Data, stream.id, Uint8Array.of(this.#finishFirst(stream, first)), body);
    }
  }

  #finishFirst(stream: Stream, first: Outgoing): number {
    stream.sent();
    return first.end ? Flag.End : 0;
  }

  #takePiece(stream: Stream, outgoing: Outgoing, room: number): Uint8Array {
    const bytes = outgoing.bytes!;
    const count = Math.min(bytes.length - outgoing.offset, this.#allowance(stream), room, largestPiece);
    const piece = bytes.subarray(outgoing.offset, outgoing.offset + count);
    outgoing.offset += count;
    stream.sendCredit.left -= costOf(count);
    this.#sendCredit.left -= costOf(count);
    this.#flood.dataSent();
    return piece;
  }

  // Receiving

  #receive(chunk: Uint8Array): void {
    if (this.#state === "closed") return;
    this.#lastHeard = performance.now();
    this.#asked = false;
    try {
      for (const frame of this.#reader.push(chunk)) {
        this.#dispatch(frame);
        if (this.#isClosed()) return;
      }
    } catch (error) {
      this.#fail(error instanceof ProtocolError ? error : new ProtocolError(ErrorCode.Internal, String(error)));
      return;
    }
    this.#pump();
  }

  // A method, so that the compiler does not take the state for what it was before a call.
  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #dispatch({ type, stream, payload }: Frame): void {
    const ofConnection = type === FrameType.Hello || type === FrameType.Heartbeat || type === FrameType.Batch || type === FrameType.Goodbye;
    if (type < 128 && type !== FrameType.Credit && ofConnection !== (stream === 0)) {
      throw broken(`a frame of type ${type} with the sequence id ${stream}`);
    }
    if (this.#state === "hello" && type !== FrameType.Hello && type !== FrameType.Goodbye) throw broken("the first frame is no HELLO");
    switch (type) {
      case FrameType.Hello:
        return this.#onHello(payload);
      case FrameType.Goodbye:
        this.#flood.control();
        return this.#onGoodbye(readGoodbye(payload));
      case FrameType.Request:
        return this.#onRequest(stream, readHead(payload));
      case FrameType.Response:
        return this.#onResponse(stream, readHead(payload));
      case FrameType.Data: {
        const { flags, body } = readData(payload);
        return this.#onMessage(stream, body, (flags & Flag.More) !== 0, (flags & Flag.End) !== 0);
      }
      case FrameType.Batch:
        // Without entries it costs no credit.
        if (payload.length === 0) this.#flood.control();
        return this.#onBatch(readBatch(payload));
      case FrameType.Reset:
        this.#flood.control();
        return this.#onReset(stream, readReset(payload));
      case FrameType.Credit:
        this.#flood.control(true);
        return this.#onCredit(stream, readCredit(payload));
      case FrameType.Heartbeat: {
        this.#flood.control();
        const { answer, bytes } = readHeartbeat(payload);
        if (!answer) this.#send(FrameType.Heartbeat, 0, Uint8Array.of(1), bytes);
        return;
      }
      default:
        this.#flood.control();
    }
  }

  #onHello(payload: Uint8Array): void {
    if (this.#state === "open") throw broken("a second HELLO");
    this.#peer = decodeSettings(payload);
    this.#sendCredit = new SendCredit(this.#peer.connectionCredit);
    this.#encoder = new HeaderEncoder(this.#peer.headerTable);
    this.#reader.maxFrame = this.#own.maxFrame;
    this.#state = "open";
    this.#watch();
    this.#opened();
  }

  #onGoodbye({ last, code, reason }: Ending & { last: number }): void {
    if (code !== ErrorCode.NoError) return this.#finish(wireError(code, reason));
    if (this.#state === "hello") return this.#finish(wireError(ErrorCode.Refused, reason || "the gateway takes no connection"));
    this.#draining = true;
    for (const stream of [...this.#streams.values()]) {
      if (stream.id <= last) continue;
      stream.fail(wireError(ErrorCode.Refused, reason || "the gateway is stopping"));
      this.#forget(stream);
    }
    this.#refuseWaiting();
    this.#afterStream();
  }

  #onRequest(id: number, { flags, block, body }: Head): void {
    if (id % 2 !== 0 || id <= this.#lastPeerId) throw broken(`a REQUEST with the sequence id ${id}`);
    this.#lastPeerId = id;
    // A client answers nothing. The block is decoded all the same, and its bytes are counted.
    this.#decoder.decode(block);
    if (flags & Flag.Message) this.#charge(costOf(body.length));
    this.#sendReset(id, ErrorCode.Refused, "a client takes no requests");
  }

  #onResponse(id: number, { flags, block, body }: Head): void {
    if (id % 2 === 0) throw broken(`a RESPONSE for stream ${id}, which is the gateway's own`);
    const { fields, tooLarge } = this.#decoder.decode(block);
    const stream = this.#receiver(id);
    if (flags & Flag.Message) {
      const cost = costOf(body.length);
      if (stream === undefined) return this.#charge(cost);
      this.#receiveCredit.spend(cost);
      stream.receiveCredit!.spend(cost);
    }
    if (stream === undefined) return this.#flood.control();
    if (tooLarge) {
      if (flags & Flag.Message) this.#receiveCredit.giveBack(costOf(body.length));
      const reason = "the headers of the answer are too large";
      return stream.abort(ErrorCode.HeadersTooLarge, reason, wireError(ErrorCode.HeadersTooLarge, reason));
    }
    stream.onResponse(fields);
    if (flags & Flag.Message) stream.onPiece(body, (flags & Flag.More) !== 0);
    if (flags & Flag.End) this.#onEnd(stream);
  }

  #onBatch(entries: BatchEntry[]): void {
    for (const { stream, end, body } of entries) {
      if (this.#state !== "open") return;
      if (stream === 0) throw broken("a BATCH entry with the stream 0");
      this.#onMessage(stream, body, false, end);
    }
  }

  #onMessage(id: number, body: Uint8Array, more: boolean, end: boolean): void {
    const stream = this.#receiver(id);
    const onlyEnds = end && body.length === 0;
    if (stream === undefined) {
      if (onlyEnds) this.#flood.control();
      else this.#charge(costOf(body.length));
      return;
    }
    if (!stream.responded) throw broken("DATA before RESPONSE");
    if (!onlyEnds) {
      this.#receiveCredit.spend(costOf(body.length));
      stream.receiveCredit!.spend(costOf(body.length));
      stream.onPiece(body, more);
    }
    if (end) this.#onEnd(stream);
  }

  #onEnd(stream: Stream): void {
    if (stream.over) return;
    if (stream.insideMessage) throw broken("the end inside of a message");
    stream.onEnd();
    this.#settle(stream);
  }

  #onReset(id: number, { code, reason }: Ending): void {
    this.#mustBeKnown(id);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const inOrder = code === ErrorCode.NoError && stream.remoteEnded;
    const failure = code === ErrorCode.NoError ? wireError(ErrorCode.Internal, "the answer ended before its end") : wireError(code, reason);
    stream.fail(inOrder ? undefined : failure);
    this.#forget(stream);
    this.#afterStream();
  }

  #onCredit(id: number, increment: number): void {
    if (id === 0) return this.#sendCredit.grant(increment);
    this.#mustBeKnown(id);
    this.#streams.get(id)?.sendCredit.grant(increment);
  }

  /** The stream of a frame with content; undefined where it is gone in a way that the peer may not know yet. */
  #receiver(id: number): Stream | undefined {
    this.#mustBeKnown(id);
    const stream = this.#streams.get(id);
    if (stream?.remoteEnded || this.#ended.has(id)) throw new ProtocolError(ErrorCode.StreamClosed, `a frame after the end of stream ${id}`);
    return stream;
  }

  #mustBeKnown(id: number): void {
    if (id % 2 === 1 ? id >= this.#nextId : id > this.#lastPeerId) throw broken(`a frame for stream ${id}, which was never opened`);
  }

  /** Counts bytes for a stream that is gone; they return at once. */
  #charge(cost: number): void {
    this.#receiveCredit.spend(cost);
    this.#receiveCredit.giveBack(cost);
  }

  // Ends

  /** Closes a stream where both sides have ended. */
  #settle(stream: Stream): void {
    if (!stream.localEnded || !stream.remoteEnded || stream.over) return;
    stream.fail(undefined);
    this.#ended.add(stream.id);
    this.#forget(stream);
    this.#afterStream();
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream.id);
    this.#scheduler.remove(stream);
    this.#onOver.get(stream)?.();
    this.#onOver.delete(stream);
  }

  #afterStream(): void {
    if (this.#state !== "open") return;
    if (this.#draining && this.#streams.size === 0) {
      if (!this.#saidGoodbye) this.#goodbye(ErrorCode.NoError, "");
      this.#finish(undefined);
    } else {
      this.#pump();
    }
  }

  #refuseWaiting(): void {
    for (const stream of this.#waiting.splice(0)) {
      stream.fail(wireError(ErrorCode.Refused, "the connection is closing"));
      this.#forget(stream);
    }
  }

  #cancelAll(): void {
    for (const stream of [...this.#streams.values()]) {
      stream.fail(wireError(ErrorCode.Cancelled, "the client was closed"));
      this.#sendReset(stream.id, ErrorCode.Cancelled, "");
      this.#forget(stream);
    }
  }

  /** A rule was broken, or patience is at its end: tells the peer and closes. */
  #fail(error: ProtocolError): void {
    if (this.#state === "closed") return;
    this.#goodbye(error.wireCode, error.message);
    this.#finish(wireError(error.wireCode, error.message));
  }

  #lost(cause: Error | undefined): void {
    if (this.#state === "closed") return;
    if (this.#saidGoodbye && this.#streams.size === 0) return this.#finish(undefined);
    const where = this.#reader.inside ? "inside a frame" : "without goodbye";
    this.#finish(wireError(ErrorCode.Truncated, `the connection ended ${where}${cause ? ": " + cause.message : ""}`, { cause }));
  }

  #finish(error: ChasquiError | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#error = error;
    clearTimeout(this.#timer);
    this.transport.close();
    const failure = error ?? wireError(ErrorCode.Cancelled, "the connection was closed");
    const notSent = new ChasquiError(failure.code, failure.message, { wireCode: failure.wireCode ?? ErrorCode.Internal, mayRetry: true });
    for (const stream of [...this.#streams.values(), ...this.#waiting.splice(0)]) {
      stream.fail(stream.id === 0 ? notSent : failure);
      this.#forget(stream);
    }
    this.#opened(failure);
    this.#resolveClosed(error);
  }

  #watch(): void {
    const span = this.#own.heartbeatMs;
    const silence = performance.now() - this.#lastHeard;
    if (silence >= 3 * span) {
      return this.#fail(new ProtocolError(ErrorCode.HeartbeatTimeout, `no sign of life for ${Math.round(silence)} ms`));
    }
    if (silence >= span && !this.#asked) {
      this.#asked = true;
      this.#send(FrameType.Heartbeat, 0, new Uint8Array(9));
    }
    const next = (silence < span ? span : 3 * span) - silence;
    this.#timer = setTimeout(() => this.#watch(), Math.max(1, Math.ceil(next)));
    (this.#timer as { unref?: () => void }).unref?.();
  }
}

function broken(message: string): ProtocolError {
  return new ProtocolError(ErrorCode.ProtocolError, message);
}

