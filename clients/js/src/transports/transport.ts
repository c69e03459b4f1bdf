/** A way for bytes. Events come one after the other, and none after `onClose`. */
export interface Transport {
  onData: (chunk: Uint8Array) => void;
  /** Called once the other side has closed or the way is broken; not after `close`. */
  onClose: (error?: Error) => void;
  /** Called when `buffered` has become small. */
  onDrain: () => void;
  /** Bytes handed over and not yet gone. */
  readonly buffered: number;
  send(bytes: Uint8Array): void;
  /** Sends what is left, then closes. */
  close(): void;
}
