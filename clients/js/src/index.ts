export { ChasquiClient, type ChatInit, type ChatOptions, type GenerateInit, type ModelCalls, type SubscribeOptions } from "./client.js";
export type { CallOptions } from "./calls.js";
export type { GenerationCallOptions } from "./resuming.js";
export type * from "./sessions.js";
export { ChasquiError, ErrorCode } from "./errors.js";
export { Priority } from "./scheduler.js";
export type { ChasquiClientOptions } from "./connector.js";
export type { Transport } from "./transports/transport.js";
export * from "./gen/chasqui_pb.js";
