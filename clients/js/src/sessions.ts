import { concat, utf8 } from "./bytes.js";
import type { CallOptions, Calls } from "./calls.js";
import { askHttp, askJson, target, type HttpRequest } from "./http.js";
import type { HeaderField } from "./hpack/table.js";

/** When a write is acknowledged: when it is on the disk, when it is there together with others, or at once. */
export type SyncMode = "immediate" | "batched" | "local";
/** What a model is sent of a conversation that is longer than there is room. */
export type ContextPolicy = "keep-last" | "keep-all" | "refuse";

// Names are as the gateway has them in JSON (docs/sessions.md), so that what is read can be sent, kept and compared.

export interface SessionSettings {
  title: string;
  model: string;
  mode: SyncMode;
  policy: ContextPolicy;
  /** Of the model's context; absent for what the request or the gateway says. */
  max_tokens?: number;
}

/** A turn, as in the Ollama API. */
export interface SessionMessage {
  role: string;
  content: string;
  thinking?: string;
  /** In base64. */
  images?: string[];
  tool_calls?: unknown;
  tool_name?: string;
  tool_call_id?: string;
}

/** A turn that is recorded. */
export interface RecordedMessage extends SessionMessage {
  /** Counted by the engine for answers, else estimated. */
  tokens: number;
}

/** A version of a session. */
export interface SessionOrigin {
  session: string;
  version: number;
}

export interface Session extends SessionSettings {
  id: string;
  /** Of its last change; 1 for the first. */
  version: number;
  /** Of all turns. */
  tokens: number;
  /** In the form of ISO 8601, as all times here. */
  created_at: string;
  updated_at: string;
  forked_from?: SessionOrigin;
  message_count: number;
}

export interface SessionWithMessages extends Session {
  messages: RecordedMessage[];
}

export interface SessionPage {
  sessions: Session[];
  /** The `after` of the next page; absent in the last. */
  next?: string;
}

/** What was done to a session; one version each. */
export interface SessionChange {
  session: string;
  version: number;
  kind: "created" | "appended" | "updated" | "forked" | "deleted";
  at: string;
  messages?: RecordedMessage[];
  settings?: SessionSettings;
  /** Of a fork: what it begins as. */
  origin?: SessionOrigin;
}

export interface NewSession extends Partial<SessionSettings> {
  /** 1 to 64 characters a-z 0-9 - _; the gateway chooses one where it is left out. */
  id?: string;
}

export interface SessionUpdate extends Partial<Omit<SessionSettings, "mode" | "max_tokens">> {
  /** null takes it away. */
  max_tokens?: number | null;
}

export interface WriteOptions extends CallOptions {
  /** The version that the writer saw: where it is another by now nothing is written, and the error is `session_conflict` with `details.version`. */
  version?: number | bigint;
}

export interface ListOptions extends CallOptions {
  /** At most; default 100. */
  limit?: number;
  /** `next` of the page before. */
  after?: string;
}

export interface ChangesOptions extends CallOptions {
  /** At most; default 100. */
  limit?: number;
  /** Only those with a greater version. */
  after?: number | bigint;
}

export interface ImportOptions extends CallOptions {
  /** Of the new session. */
  id?: string;
}

const sessionCodes = { 404: "session_not_found", 409: "session_exists", 503: "storage_unavailable", 507: "storage_full" };

/** Conversations that the gateway keeps (docs/sessions.md). */
export class SessionCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The last changed first. */
  list({ limit, after, ...options }: ListOptions = {}): Promise<SessionPage> {
    return this.#json({ method: "GET", path: target(below(), { limit, after }) }, options);
  }

  create(session: NewSession = {}, options?: CallOptions): Promise<Session> {
    return this.#json({ method: "POST", path: below(), body: session }, options);
  }

  /** With its turns. */
  get(id: string, options?: CallOptions): Promise<SessionWithMessages> {
    return this.#json({ method: "GET", path: below(id) }, options);
  }

  append(id: string, messages: readonly SessionMessage[], options: WriteOptions = {}): Promise<Session> {
    return this.#json({ method: "POST", path: below(id, "messages"), body: { messages }, headers: seen(options) }, options);
  }

  /** A session that begins as this one is, or was at `version`. */
  fork(id: string, fork: NewSession & { version?: number | bigint } = {}, options?: CallOptions): Promise<Session> {
    const { version, ...rest } = fork;
    return this.#json({ method: "POST", path: below(id, "fork"), body: version === undefined ? rest : { ...rest, version: Number(version) } }, options);
  }

  update(id: string, update: SessionUpdate, options: WriteOptions = {}): Promise<Session> {
    return this.#json({ method: "PATCH", path: below(id), body: update, headers: seen(options) }, options);
  }

  /** With all its turns. */
  delete(id: string, options: WriteOptions = {}): Promise<void> {
    return this.#json({ method: "DELETE", path: below(id), headers: seen(options) }, options);
  }

  /** What was done to it, the first first. `client.followSession` goes on with what is yet to come. */
  async changes(id: string, { limit, after, ...options }: ChangesOptions = {}): Promise<SessionChange[]> {
    const answer = await this.#json<{ changes: SessionChange[] }>({ method: "GET", path: target(below(id, "changes"), { limit, after }) }, options);
    return answer.changes;
  }

  /** All of it as lines of JSON, a SessionChange each, with their ends: to be written to a file as they come, or given to `import`. */
  async *export(id: string, options?: CallOptions): AsyncGenerator<string, void> {
    const decoder = new TextDecoder();
    let held = "";
    for await (const part of await askHttp(this.#calls, { method: "GET", path: below(id, "export"), codes: sessionCodes }, options)) {
      const lines = (held + decoder.decode(part, { stream: true })).split("\n");
      held = lines.pop()!;
      for (const line of lines) yield line + "\n";
    }
  }

  /** A new session of what `export` gave. */
  async import(lines: string | Uint8Array | Iterable<string> | AsyncIterable<string>, { id, ...options }: ImportOptions = {}): Promise<Session> {
    const headers = [{ name: "content-type", value: "application/x-ndjson" }];
    return this.#json({ method: "POST", path: target(below("import"), { id }), body: await bytesOf(lines), headers }, options);
  }

  #json<T>(request: HttpRequest, options?: CallOptions): Promise<T> {
    return askJson(this.#calls, { ...request, codes: sessionCodes }, options);
  }
}

function below(...parts: string[]): string {
  return ["/api/sessions", ...parts.map(encodeURIComponent)].join("/");
}

function seen({ version }: WriteOptions): HeaderField[] {
  return version === undefined ? [] : [{ name: "x-chasqui-session-version", value: String(version) }];
}

async function bytesOf(lines: string | Uint8Array | Iterable<string> | AsyncIterable<string>): Promise<Uint8Array> {
  if (lines instanceof Uint8Array) return lines;
  if (typeof lines === "string") return utf8(lines);
  const parts: Uint8Array[] = [];
  for await (const line of lines) parts.push(utf8(line));
  return concat(parts);
}
