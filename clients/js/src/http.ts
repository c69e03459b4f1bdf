import { concat, text, utf8 } from "./bytes.js";
import { answeredError, valueOf, type CallOptions, type Calls } from "./calls.js";
import { ChasquiError } from "./errors.js";
import type { HeaderField } from "./hpack/table.js";
import type { Stream } from "./stream.js";

/** A request of one of the gateway's HTTP APIs. */
export interface HttpRequest {
  method: string;
  /** With what is after the `?`. */
  path: string;
  /** JSON, or what has a type of its own in `headers`. */
  body?: Uint8Array | object;
  headers?: readonly HeaderField[];
  /** Codes of errors that this API has, by status. */
  codes?: Readonly<Record<number, string>>;
}

/** The codes that the typed operations have for what HTTP has a status for. */
const usualCodes: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  413: "invalid_request",
  429: "rate_limited",
  501: "not_supported",
  503: "unavailable",
};

/** A message may not be as long as a body. */
const pieceLength = 1_048_576;

/** Sends a request of HTTP over the connection, and gives its body as it comes. Throws ChasquiError for a status of failure. */
export async function askHttp(calls: Calls, request: HttpRequest, options?: CallOptions): Promise<Stream> {
  const { method, path, body, headers = [] } = request;
  const fields = [{ name: "method", value: method }, { name: "path", value: path }, ...headers];
  const bytes = body === undefined || body instanceof Uint8Array ? body : utf8(JSON.stringify(body));
  if (bytes !== body) fields.push({ name: "content-type", value: "application/json" });
  const fail = (status: number, head: readonly HeaderField[], stream: Stream) => failed(request, status, head, stream);
  return (await calls.ask({ op: "http", messages: pieces(bytes), headers: fields }, options, { fail })).stream;
}

/** The same for an answer that is JSON; undefined where it has no body. */
export async function askJson<T>(calls: Calls, request: HttpRequest, options?: CallOptions): Promise<T> {
  const stream = await askHttp(calls, request, options);
  try {
    const body = await whole(stream);
    return (body.length === 0 ? undefined : JSON.parse(text(body))) as T;
  } finally {
    stream.cancel();
  }
}

/** Path and query; what is undefined is left out. */
export function target(path: string, query: Readonly<Record<string, string | number | bigint | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0 ? path : path + "?" + given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
}

function pieces(bytes: Uint8Array | undefined): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < (bytes?.length ?? 0); at += pieceLength) parts.push(bytes!.subarray(at, at + pieceLength));
  return parts;
}

async function whole(stream: Stream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await stream.read(); part !== undefined; part = await stream.read()) parts.push(part);
  return concat(parts);
}

/** The error that a typed operation would have: the APIs of HTTP tell it in words and by status alone. */
async function failed({ codes }: HttpRequest, status: number, head: readonly HeaderField[], stream: Stream): Promise<ChasquiError> {
  if (!valueOf(head, "content-type")?.startsWith("application/json")) return answeredError(status, head, stream);
  const said = messageOf(text(await whole(stream)));
  const facts = { status, retryAfterMs: Number(valueOf(head, "retry-after") ?? 0) * 1_000 || 0 };
  const version = valueOf(head, "x-chasqui-session-version");
  // The other conflict is that of a name that is taken, which has no version.
  if (status === 409 && version !== undefined) return new ChasquiError("session_conflict", said, { ...facts, details: { version } });
  return new ChasquiError(codes?.[status] ?? usualCodes[status] ?? "internal", said, facts);
}

function messageOf(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === "string" ? error : body;
  } catch {
    return body;
  }
}
