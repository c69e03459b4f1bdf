import { ByteReader, strictText } from "./bytes.js";
import { ErrorCode, errorName, ProtocolError } from "./errors.js";
import { Flag } from "./frames.js";
import { maxCredit } from "./credit.js";

/** Bytes of a reason at most. */
export const maxReason = 1_024;

// What the payloads say. Each reader throws ProtocolError where one is malformed.

export interface Head {
  flags: number;
  block: Uint8Array;
  body: Uint8Array;
}

export interface BatchEntry {
  stream: number;
  end: boolean;
  body: Uint8Array;
}

export interface Ending {
  /** One that we do not know is INTERNAL. */
  code: number;
  reason: string;
}

/** REQUEST and RESPONSE. */
export function readHead(payload: Uint8Array): Head {
  const reader = new ByteReader(payload);
  const flags = checkFlags(reader.byte());
  const block = reader.bytes(reader.varint());
  const body = reader.rest();
  if (!(flags & Flag.Message) && (body.length > 0 || flags & Flag.More)) throw malformed("a body without MESSAGE");
  return { flags, block, body };
}

export function readData(payload: Uint8Array): { flags: number; body: Uint8Array } {
  const reader = new ByteReader(payload);
  return { flags: checkFlags(reader.byte()), body: reader.rest() };
}

export function readBatch(payload: Uint8Array): BatchEntry[] {
  const reader = new ByteReader(payload);
  const entries: BatchEntry[] = [];
  while (reader.left > 0) {
    const stream = reader.varint();
    const packed = reader.varint();
    entries.push({ stream, end: packed % 2 === 1, body: reader.bytes(Math.floor(packed / 2)) });
  }
  return entries;
}

export function readReset(payload: Uint8Array): Ending {
  return readEnding(new ByteReader(payload));
}

export function readGoodbye(payload: Uint8Array): Ending & { last: number } {
  const reader = new ByteReader(payload);
  const last = reader.uint32();
  return { last, ...readEnding(reader) };
}

export function readCredit(payload: Uint8Array): number {
  const reader = new ByteReader(payload);
  const increment = reader.uint32();
  if (increment === 0 || reader.left > 0) throw malformed("a CREDIT of 0, or not of 4 bytes");
  if (increment > maxCredit) throw new ProtocolError(ErrorCode.CreditExceeded, "credit above 2^31-1");
  return increment;
}

export function readHeartbeat(payload: Uint8Array): { answer: boolean; bytes: Uint8Array } {
  if (payload.length !== 9 || payload[0]! > 1) throw malformed("a HEARTBEAT of another form");
  return { answer: payload[0] === 1, bytes: payload.subarray(1) };
}

function readEnding(reader: ByteReader): Ending {
  const code = reader.varint();
  if (reader.left > maxReason) throw malformed(`a reason is longer than ${maxReason} bytes`);
  const reason = strictText(reader.rest());
  if (reason === undefined) throw malformed("a reason that is not UTF-8");
  return { code: errorName(code) === "internal" ? ErrorCode.Internal : code, reason };
}

function checkFlags(flags: number): number {
  if (flags & Flag.End && flags & Flag.More) throw malformed("END together with MORE");
  return flags;
}

function malformed(message: string): ProtocolError {
  return new ProtocolError(ErrorCode.ProtocolError, message);
}
