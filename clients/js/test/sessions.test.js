import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import * as pb from "../dist/gen/chasqui_pb.js";
import { flag } from "./peer.js";
import { connect, pack, request } from "./played.js";

const json = (value) => new TextEncoder().encode(JSON.stringify(value));
const change = (version, kind = "appended") => ({ session: "s", version, kind, at: "2026-01-01T00:00:00Z" });
const event = (version, kind) =>
  pack(pb.ChannelEventSchema, { channel: "session.s", number: BigInt(version), payload: json(change(version, kind)), contentType: "application/json" });
const after = ({ body }) => fromBinary(pb.SubscribeRequestSchema, body).after;

test("a chat names its session and the version that was seen", async () => {
  const { client, peers } = connect();
  const updates = client.chat({ model: "m", messages: [] }, { session: "s", sessionVersion: 7n });
  const first = updates.next();
  const { stream, fields } = await request(peers, 0);
  assert.deepEqual(fields, { op: "chat", session: "s", "session-version": "7" });
  peers[0].respond(stream, { status: "409" }, flag.message | flag.end, pack(pb.ErrorSchema, { code: "session_conflict", details: { version: "9" } }));
  await assert.rejects(first, (error) => error.code === "session_conflict" && error.status === 409 && error.details.version === "9");

  const kept = client.chat({ model: "m", messages: [] }, { session: "new", resume: true }).next();
  const again = await request(peers, 0);
  assert.deepEqual(Object.keys(again.fields).sort(), ["generation", "op", "session"]);
  peers[0].respond(again.stream, { status: "200" }, flag.message | flag.end, pack(pb.GenerationUpdateSchema, { result: { session: { id: "x", version: 2n } } }));
  assert.equal((await kept).value.result.session.version, 2n);
  await client.close();
});

test("a follower has each change once, whatever happens to his connection, and ends with the session", async () => {
  const { client, peers } = connect();
  const versions = [];
  const follow = (async () => {
    for await (const { version, kind } of client.followSession("s", { after: 3 })) versions.push([version, kind]);
  })();
  const first = await request(peers, 0);
  assert.equal(fromBinary(pb.SubscribeRequestSchema, first.body).channel, "session.s");
  assert.equal(after(first), 3n);
  // Before anything has come, what was asked for still holds.
  peers[0].respond(first.stream);
  queueMicrotask(() => peers[0].die());
  const second = await request(peers, 1);
  assert.equal(after(second), 3n);
  peers[1].respond(second.stream);
  peers[1].data(second.stream, 0, event(4));
  peers[1].data(second.stream, 0, event(5));
  queueMicrotask(() => peers[1].die());
  const third = await request(peers, 2);
  assert.equal(after(third), 5n);
  peers[2].respond(third.stream);
  // The connection ends behind the last change: there is nothing to come back to.
  peers[2].data(third.stream, 0, event(6, "deleted"));
  await follow;
  assert.deepEqual(versions, [[4, "appended"], [5, "appended"], [6, "deleted"]]);
  await client.close();
});

test("on a channel that is not kept, a new subscription asks for what comes from now on", async () => {
  const { client, peers } = connect();
  const events = client.subscribe("news");
  const first = events.next();
  const one = await request(peers, 0);
  assert.equal(after(one), undefined);
  peers[0].respond(one.stream, { status: "200" }, flag.message, pack(pb.ChannelEventSchema, { number: 5n }));
  await first;
  const second = events.next();
  peers[0].die();
  const two = await request(peers, 1);
  assert.equal(after(two), undefined);
  peers[1].respond(two.stream, { status: "200" }, flag.message, pack(pb.ChannelEventSchema, { number: 6n }));
  assert.equal((await second).value.number, 6n);
  await events.return();
  await client.close();
});

test("calls of sessions are requests of HTTP", async () => {
  const { client, peers } = connect();
  const messages = [{ role: "user", content: "hi" }];
  const calls = [
    [() => client.sessions.list({ limit: 2, after: "a/b" }), "GET /api/sessions?limit=2&after=a%2Fb"],
    [() => client.sessions.create({ id: "s" }), "POST /api/sessions", { id: "s" }],
    [() => client.sessions.get("s"), "GET /api/sessions/s"],
    [() => client.sessions.append("s", messages, { version: 7n }), "POST /api/sessions/s/messages", { messages }, "7"],
    [() => client.sessions.fork("s", { version: 5n, id: "t" }), "POST /api/sessions/s/fork", { id: "t", version: 5 }],
    [() => client.sessions.update("s", { max_tokens: null }, { version: 7 }), "PATCH /api/sessions/s", { max_tokens: null }, "7"],
    [() => client.sessions.import(["{}\n", "{}\n"], { id: "u" }), "POST /api/sessions/import?id=u", "{}\n{}\n"],
  ];
  for (const [call, line, sent, version] of calls) {
    const result = call();
    const { fields, body, stream, flags } = await request(peers, 0);
    assert.equal(fields.op, "http");
    assert.equal(`${fields.method} ${fields.path}`, line);
    assert.equal(fields["x-chasqui-session-version"], version);
    assert.equal(fields["content-type"], sent === undefined ? undefined : typeof sent === "string" ? "application/x-ndjson" : "application/json");
    assert.equal(flags & (flag.message | flag.end), sent === undefined ? flag.end : flag.message | flag.end);
    if (sent !== undefined) assert.deepEqual(typeof sent === "string" ? body.toString() : JSON.parse(body), sent);
    // A body may come in several messages, in the middle of a character.
    const answer = json({ id: "é" });
    peers[0].respond(stream, { status: "201", "content-type": "application/json" }, flag.message, answer.subarray(0, 8));
    peers[0].data(stream, flag.end, answer.subarray(8));
    assert.deepEqual(await result, { id: "é" });
  }
  const deleted = client.sessions.delete("s");
  const { stream } = await request(peers, 0);
  peers[0].respond(stream, { status: "204" }, flag.end);
  assert.equal(await deleted, undefined);

  const exported = (async () => {
    const lines = [];
    for await (const line of client.sessions.export("s")) lines.push(line);
    return lines;
  })();
  const asked = await request(peers, 0);
  assert.equal(asked.fields.path, "/api/sessions/s/export");
  const lines = new TextEncoder().encode('{"a":"é"}\n{"b":1}\n');
  peers[0].respond(asked.stream, { status: "200", "content-type": "application/x-ndjson" }, flag.message, lines.subarray(0, 7));
  peers[0].data(asked.stream, flag.end, lines.subarray(7));
  assert.deepEqual(await exported, ['{"a":"é"}\n', '{"b":1}\n']);
  await client.close();
});

test("a body that is longer than a message goes in pieces", async () => {
  const { client, peers } = connect();
  const lines = new Uint8Array(2_500_000).fill(32);
  const result = client.sessions.import(lines);
  const { stream, body, flags } = await request(peers, 0);
  let length = body.length;
  for (let ended = (flags & flag.end) !== 0; !ended; ) {
    peers[0].credit(0, 1_048_576);
    peers[0].credit(stream, 1_048_576);
    const data = await peers[0].next(4);
    length += data.body.length;
    ended = (data.flags & flag.end) !== 0;
  }
  assert.equal(length, lines.length);
  peers[0].respond(stream, { status: "201", "content-type": "application/json" }, flag.message | flag.end, json({ id: "s" }));
  assert.equal((await result).id, "s");
  await client.close();
});

test("errors of HTTP have the codes of the typed operations", async () => {
  const { client, peers } = connect();
  const answers = [
    [409, { "x-chasqui-session-version": "9" }, "session_conflict", { version: "9" }],
    [409, {}, "session_exists", {}],
    [404, {}, "session_not_found", {}],
    [400, {}, "invalid_request", {}],
    [418, {}, "internal", {}],
  ];
  for (const [status, fields, code, details] of answers) {
    const call = client.sessions.get("s");
    const { stream } = await request(peers, 0);
    peers[0].respond(stream, { status: String(status), "content-type": "application/json; charset=utf-8", ...fields }, flag.message | flag.end, json({ error: "no!" }));
    await assert.rejects(call, (error) => {
      assert.deepEqual([error.code, error.status, error.message, { ...error.details }], [code, status, "no!", details]);
      return true;
    });
  }
  // The operation itself may be refused, in its own form.
  const call = client.sessions.get("s");
  const { stream } = await request(peers, 0);
  peers[0].respond(stream, { status: "403" }, flag.message | flag.end, pack(pb.ErrorSchema, { code: "permission_denied", message: "not you" }));
  await assert.rejects(call, { code: "permission_denied", status: 403, message: "not you" });
  await client.close();
});
