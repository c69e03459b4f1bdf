/** The codes of RESET and GOODBYE (docs/protocol.md, section 5). */
export const ErrorCode = {
  NoError: 0,
  ProtocolError: 1,
  BadMagic: 2,
  BadVersion: 3,
  FrameTooLarge: 4,
  CreditExceeded: 5,
  UnknownType: 6,
  StreamClosed: 7,
  Compression: 8,
  Flood: 9,
  HandshakeTimeout: 10,
  HeartbeatTimeout: 11,
  Unauthenticated: 12,
  Truncated: 13,
  Cancelled: 16,
  Refused: 17,
  HeadersTooLarge: 18,
  Deadline: 19,
  Internal: 20,
  EngineFailed: 21,
  Unavailable: 22,
  MessageTooLarge: 23,
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

const names = new Map<number, string>(
  Object.entries(ErrorCode).map(([name, code]) => [code, name.replace(/(?<=.)([A-Z])/g, "_$1").toLowerCase()]),
);

/** The name of a code in lower case, as `engine_failed`; an unknown code is `internal`. */
export function errorName(code: number): string {
  return names.get(code) ?? "internal";
}

/** What more an error may know. */
export interface ErrorFacts {
  status?: number;
  wireCode?: number;
  retryAfterMs?: number;
  details?: Readonly<Record<string, string>>;
  suggestions?: readonly string[];
  mayRetry?: boolean;
  cause?: unknown;
}

/** Why a call failed. */
export class ChasquiError extends Error {
  /**
   * In lower case: the code of the answer's `Error` message, as `model_not_found`, or the name of the protocol's code, as
   * `cancelled`, `refused`, `truncated`, `heartbeat_timeout`.
   */
  readonly code: string;
  /** The answer's status, as in HTTP; undefined where no answer came. */
  readonly status: number | undefined;
  /** The protocol's code; undefined where the gateway answered in order that it failed. */
  readonly wireCode: number | undefined;
  /** Milliseconds to wait before another try; 0 where nothing is known. */
  readonly retryAfterMs: number;
  /** What the error is about, by name: `model`, `option`, … */
  readonly details: Readonly<Record<string, string>>;
  readonly suggestions: readonly string[];
  /** Whether the request surely was not processed, so that it may be sent again. */
  readonly mayRetry: boolean;

  constructor(code: string, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "ChasquiError";
    this.code = code;
    this.status = facts.status;
    this.wireCode = facts.wireCode;
    this.retryAfterMs = facts.retryAfterMs ?? 0;
    this.details = facts.details ?? {};
    this.suggestions = facts.suggestions ?? [];
    this.mayRetry = facts.mayRetry ?? facts.wireCode === ErrorCode.Refused;
  }
}

/** An error of the protocol with that code. */
export function wireError(code: number, message: string, facts: ErrorFacts = {}): ChasquiError {
  return new ChasquiError(errorName(code), message || errorName(code), { ...facts, wireCode: code });
}

/** What ends so may go on over another connection. */
export const lostCodes: ReadonlySet<number> = new Set([
  ErrorCode.NoError,
  ErrorCode.Truncated,
  ErrorCode.HeartbeatTimeout,
  ErrorCode.Refused,
  ErrorCode.Unavailable,
]);

/** Whether the connection was lost under a request that may have been processed; what was refused was not. */
export function isLost(error: unknown): error is ChasquiError {
  return error instanceof ChasquiError && error.wireCode !== ErrorCode.Refused && lostCodes.has(error.wireCode ?? -1);
}

/** The same error, with what it led to as its cause. */
export function withCause(error: ChasquiError, cause: unknown): ChasquiError {
  const { code, message, status, wireCode, retryAfterMs, details, suggestions, mayRetry } = error;
  return new ChasquiError(code, message, {
    retryAfterMs, details, suggestions, mayRetry, cause,
    ...(status === undefined ? {} : { status }),
    ...(wireCode === undefined ? {} : { wireCode }),
  });
}

/** A rule of the protocol was broken: the connection is closed with this code. */
export class ProtocolError extends Error {
  constructor(readonly wireCode: ErrorCode, message: string) {
    super(message);
    this.name = "ProtocolError";
  }
}
