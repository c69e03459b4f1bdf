import { ByteReader, ByteWriter, cutUtf8, strictText, utf8 } from "./bytes.js";
import { ErrorCode, ProtocolError } from "./errors.js";

/** What a side says of itself in its hello (docs/protocol.md, section 3). */
export interface Settings {
  /** Bytes accepted as Payload Len; 16,384 to 16,777,215, default 65,536. */
  maxFrame: number;
  /** Bytes granted at the start of each stream; 0 to 2^31-1, default 262,144. */
  streamCredit: number;
  /** Bytes granted for all streams together; 65,536 to 2^31-1, default 4,194,304. */
  connectionCredit: number;
  /** Streams the peer may have open at a time; 0 to 2^31-1, default 1,024. */
  maxStreams: number;
  /** Size of a header list that is accepted; 1,024 to 1,048,576, default 16,384. */
  maxHeaderList: number;
  /** Size of the dynamic table for received header blocks; 0 to 65,536, default 4,096. */
  headerTable: number;
  /** Milliseconds of silence before a HEARTBEAT; 100 to 3,600,000, default 15,000. */
  heartbeatMs: number;
  /** Product and version, at most 256 bytes. */
  name: string;
  /** The credential, as after `Authorization:`; connector only, at most 8,192 bytes. */
  authorization?: string;
}

export const maxHello = 16_384;

const numbers = [
  { id: 1, key: "maxFrame", initial: 65_536, min: 16_384, max: 16_777_215 },
  { id: 2, key: "streamCredit", initial: 262_144, min: 0, max: 2 ** 31 - 1 },
  { id: 3, key: "connectionCredit", initial: 4_194_304, min: 65_536, max: 2 ** 31 - 1 },
  { id: 4, key: "maxStreams", initial: 1_024, min: 0, max: 2 ** 31 - 1 },
  { id: 5, key: "maxHeaderList", initial: 16_384, min: 1_024, max: 1_048_576 },
  { id: 6, key: "headerTable", initial: 4_096, min: 0, max: 65_536 },
  { id: 7, key: "heartbeatMs", initial: 15_000, min: 100, max: 3_600_000 },
] as const;
const nameId = 8;
const authorizationId = 9;

/** The settings of an empty hello. */
export function defaultSettings(): Settings {
  const settings = { name: "" } as Settings;
  for (const { key, initial } of numbers) settings[key] = initial;
  return settings;
}

/** Throws RangeError where a setting is not what a hello may say. */
export function checkSettings(settings: Settings): void {
  for (const { key, min, max } of numbers) {
    const value = settings[key];
    if (!Number.isInteger(value) || value < min || value > max) throw new RangeError(`${key} is ${value}, not ${min} to ${max}`);
  }
  if (settings.authorization !== undefined && utf8(settings.authorization).length > 8_192) {
    throw new RangeError("authorization is longer than 8,192 bytes");
  }
}

/** The payload of HELLO; what has its default is left out. */
export function encodeSettings(settings: Settings): Uint8Array {
  const out = new ByteWriter();
  for (const { id, key, initial } of numbers) {
    if (settings[key] === initial) continue;
    const value = new ByteWriter().varint(settings[key]).done();
    out.varint(id).varint(value.length).bytes(value);
  }
  const texts: [number, Uint8Array][] = [
    [nameId, cutUtf8(settings.name, 256)],
    [authorizationId, utf8(settings.authorization ?? "")],
  ];
  for (const [id, value] of texts) if (value.length > 0) out.varint(id).varint(value.length).bytes(value);
  return out.done();
}

/** Reads the payload of HELLO; throws ProtocolError. */
export function decodeSettings(payload: Uint8Array): Settings {
  if (payload.length > maxHello) throw wrong(`a hello of ${payload.length} bytes, above ${maxHello}`);
  const settings = defaultSettings();
  const reader = new ByteReader(payload);
  const seen = new Set<number>();
  while (reader.left > 0) {
    const id = reader.varint();
    const value = reader.bytes(reader.varint());
    if (seen.has(id)) throw wrong(`the setting ${id} is given twice`);
    seen.add(id);
    const known = numbers.find((number) => number.id === id);
    if (known !== undefined) {
      const inner = new ByteReader(value);
      const number = inner.varint();
      if (inner.left > 0 || number < known.min || number > known.max) throw wrong(`the setting ${known.key} is out of range`);
      settings[known.key] = number;
    } else if (id === nameId) {
      settings.name = readText(value, 256, "name");
    } else if (id === authorizationId) {
      settings.authorization = readText(value, 8_192, "authorization");
    }
  }
  return settings;
}

function readText(value: Uint8Array, limit: number, what: string): string {
  const read = value.length > limit ? undefined : strictText(value);
  if (read === undefined) throw wrong(`the setting ${what} is longer than ${limit} bytes or not UTF-8`);
  return read;
}

function wrong(message: string): ProtocolError {
  return new ProtocolError(ErrorCode.ProtocolError, message);
}
