import { Connection } from "./connection.js";
import { ChasquiError, ErrorCode, wireError } from "./errors.js";
import type { Settings } from "./settings.js";
import { dial, parse } from "./transports/dial.js";
import type { Transport } from "./transports/transport.js";
import { Backoff, delay, withSignal } from "./waiting.js";

export interface ChasquiClientOptions {
  /** Sent as `Bearer …` in the hello. */
  apiKey?: string;
  /** What our hello says: limits, credit, heartbeat, name. */
  settings?: Partial<Omit<Settings, "authorization" | "maxStreams">>;
  /** Milliseconds for dialing and the hello, each try; default 10,000. */
  connectTimeoutMs?: number;
  /** Tries to connect for one call; default 4. */
  connectAttempts?: number;
  /** Milliseconds before the second try at most; doubles with each failure; default 100. */
  backoffMs?: number;
  /** Milliseconds between two tries at most; default 10,000. */
  maxBackoffMs?: number;
  /** Whether answers of `generate` and `chat` go on over another connection when theirs is lost, unless a call says otherwise; default false. */
  resume?: boolean;
  /** Milliseconds without a connection after which such an answer is given up, anew with each update that has come; default 30,000, as long as a gateway waits. */
  resumeWithinMs?: number;
  /** Greatest message that is taken, in bytes; default 16 MiB. */
  maxMessageBytes?: number;
  /** Options of node:tls, for tls:// in Node.js: `ca`, `rejectUnauthorized`, … */
  tls?: object;
  /** How to dial, instead of by the address's scheme. */
  dial?: (address: string, signal: AbortSignal) => Promise<Transport>;
  /** Spreads the waits; default Math.random. */
  random?: () => number;
}

/** Another try would fail in the same way. */
const permanent: ReadonlySet<number> = new Set([
  ErrorCode.Unauthenticated,
  ErrorCode.BadMagic,
  ErrorCode.BadVersion,
  ErrorCode.ProtocolError,
]);

/** Keeps one connection, and makes another when it is gone and somebody asks. */
export class Connector {
  readonly #options: ChasquiClientOptions;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  #current: Connection | undefined;
  #connecting: Promise<Connection> | undefined;
  /** Connections that run to their end after the gateway's goodbye. */
  #old = new Set<Connection>();

  constructor(readonly address: string, options: ChasquiClientOptions) {
    parse(address);
    this.#options = options;
    this.#backoff = this.newBackoff();
  }

  /** Milliseconds that a lost answer may be without a connection. */
  get resumeWithinMs(): number {
    return this.#options.resumeWithinMs ?? 30_000;
  }

  /** For somebody who waits for something else than a connection. */
  newBackoff(): Backoff {
    const { backoffMs = 100, maxBackoffMs = 10_000, random = Math.random } = this.#options;
    return new Backoff(backoffMs, maxBackoffMs, random);
  }

  /** A connection that takes requests. Throws ChasquiError when all tries have failed. */
  get(signal?: AbortSignal): Promise<Connection> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError());
    if (this.#current?.available) return Promise.resolve(this.#current);
    // Before anything is begun whose failure nobody would hear of.
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return withSignal(this.#connecting, signal);
  }

  /** Milliseconds to wait before a request that was refused is sent again. */
  pause(): number {
    return Math.max(10, this.#backoff.next());
  }

  async close(drainMs: number): Promise<void> {
    this.#closing.abort(closedError());
    await Promise.all([this.#connecting?.catch(() => {}), this.#current?.close(drainMs), ...[...this.#old].map((old) => old.close(drainMs))]);
  }

  async #connect(): Promise<Connection> {
    const attempts = this.#options.connectAttempts ?? 4;
    for (let attempt = 1; ; attempt++) {
      await delay(this.#backoff.next(), this.#closing.signal);
      try {
        const connection = await this.#dial();
        this.#backoff.succeeded();
        this.#keep(connection);
        return connection;
      } catch (error) {
        this.#closing.signal.throwIfAborted();
        this.#backoff.failed();
        const known = error instanceof ChasquiError;
        const hopeless = error instanceof TypeError || (known && permanent.has(error.wireCode ?? -1));
        if (!hopeless && attempt < attempts) continue;
        if (known) throw error;
        const reason = error instanceof Error ? error.message || error.name : String(error);
        throw wireError(ErrorCode.Unavailable, `cannot connect to ${this.address}: ${reason}`, { cause: error, mayRetry: true });
      }
    }
  }

  async #dial(): Promise<Connection> {
    const { apiKey, settings, maxMessageBytes, connectTimeoutMs = 10_000 } = this.#options;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error(`no answer within ${connectTimeoutMs} ms`)), connectTimeoutMs);
    const stop = (): void => patience.abort(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", stop, { once: true });
    try {
      const dialed = this.#options.dial?.(this.address, patience.signal) ?? dial(this.address, this.#options.tls, patience.signal);
      dialed.then((transport) => patience.signal.aborted && transport.close(), () => {});
      const transport = await withSignal(dialed, patience.signal);
      const connection = await Connection.start(transport, {
        settings: { ...settings, ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
        handshakeTimeoutMs: connectTimeoutMs,
        ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
      });
      if (this.#closing.signal.aborted) await connection.close();
      return connection;
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", stop);
    }
  }

  #keep(connection: Connection): void {
    if (this.#current !== undefined) this.#old.add(this.#current);
    this.#current = connection;
    for (const each of [...this.#old, connection]) {
      void each.closed.then(() => {
        this.#old.delete(each);
        if (this.#current === each) this.#current = undefined;
      });
    }
  }
}

export function closedError(): ChasquiError {
  return wireError(ErrorCode.Cancelled, "the client was closed");
}
