// The protocol below the operations, for who needs it: frames, header blocks, connections, streams.
export * from "./connection.js";
export * from "./errors.js";
export * from "./frames.js";
export * from "./payloads.js";
export { ByteReader, ByteWriter } from "./bytes.js";
export { costOf } from "./credit.js";
export { HeaderDecoder, type HeaderBlock } from "./hpack/decoder.js";
export { HeaderEncoder } from "./hpack/encoder.js";
export { huffmanDecode, huffmanEncode } from "./hpack/huffman.js";
export { staticTable } from "./hpack/static-table.js";
export type { HeaderField } from "./hpack/table.js";
export { Priority, Scheduler } from "./scheduler.js";
export { decodeSettings, defaultSettings, encodeSettings, type Settings } from "./settings.js";
export { Stream } from "./stream.js";
export { dial } from "./transports/dial.js";
export type { Transport } from "./transports/transport.js";
