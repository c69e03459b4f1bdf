import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection, ErrorCode, Scheduler } from "../dist/wire.js";
import { block, flag, frame, Peer, type, uint32, varint } from "./peer.js";

const op = [{ name: "op", value: "generate" }];
const bytes = (length, value = 7) => new Uint8Array(length).fill(value);

async function connect(settings = {}, options = {}) {
  const peer = new Peer();
  const opening = Connection.start(peer.transport, options);
  const hello = await peer.next(type.hello);
  peer.hello(settings);
  return { peer, hello, connection: await opening };
}

/** Checks that the client says goodbye with that code, and closes. */
async function closesWith(peer, connection, code) {
  const goodbye = await peer.next(type.goodbye);
  assert.equal(goodbye.code, code, goodbye.reason);
  const error = await connection.closed;
  assert.equal(error.wireCode, code);
  assert.equal(peer.closed, true);
}

test("hello: says only what differs from the defaults, and keeps silent until it is answered", async () => {
  const peer = new Peer();
  const opening = Connection.start(peer.transport, { settings: { name: "me", authorization: "Bearer x", streamCredit: 1000 } });
  const { settings } = await peer.next(type.hello);
  assert.deepEqual(Object.keys(settings).map(Number), [2, 4, 8, 9]);
  assert.equal(settings[9].toString(), "Bearer x");
  assert.deepEqual([...settings[2]], [0xe8, 0x07]);
  assert.equal(peer.frames.length, 0);
  peer.hello({ 1: 20_000, 200: "unknown", 8: "gateway" });
  const connection = await opening;
  assert.equal(connection.peer.maxFrame, 20_000);
  assert.equal(connection.peer.streamCredit, 262_144);
  assert.equal(connection.peer.name, "gateway");
});

for (const [what, send] of [
  ["out of range", (peer) => peer.hello({ 1: 16_383 })],
  ["given twice", (peer) => peer.send(frame(type.hello, 0, [7, 2, 0xe8, 0x07, 7, 2, 0xe8, 0x07]))],
  ["cut off", (peer) => peer.send(frame(type.hello, 0, [1, 9, 1]))],
  ["with bytes after a number", (peer) => peer.send(frame(type.hello, 0, [4, 2, 1, 1]))],
  ["not first", (peer) => peer.data(1, 0, bytes(3))],
]) {
  test(`hello: ${what} is PROTOCOL_ERROR`, async () => {
    const peer = new Peer();
    const opening = Connection.start(peer.transport);
    send(peer);
    await assert.rejects(opening, { code: "protocol_error" });
    assert.equal((await peer.next(type.goodbye)).code, ErrorCode.ProtocolError);
  });
}

test("hello: a second one is PROTOCOL_ERROR; a goodbye instead of it is the reason; silence is HANDSHAKE_TIMEOUT", async () => {
  const { peer, connection } = await connect();
  peer.hello();
  await closesWith(peer, connection, ErrorCode.ProtocolError);

  const refused = new Peer();
  const opening = Connection.start(refused.transport);
  refused.goodbye(0, ErrorCode.Unauthenticated, "who are you");
  await assert.rejects(opening, { code: "unauthenticated", message: "who are you" });

  await assert.rejects(Connection.start(new Peer().transport, { handshakeTimeoutMs: 20 }), { code: "handshake_timeout" });
});

for (const [what, code, make] of [
  ["a wrong magic", ErrorCode.BadMagic, () => Buffer.from("HTTP/1.1 400 Bad Request\r\n")],
  ["the first wrong byte of a magic", ErrorCode.BadMagic, () => Buffer.from("MX")],
  ["another version", ErrorCode.BadVersion, () => Object.assign(frame(type.heartbeat, 0, bytes(9, 0)), { 4: 2 })],
  ["a payload above max_frame", ErrorCode.FrameTooLarge, () => frame(200, 0, bytes(65_537)).subarray(0, 16)],
  ["a reserved type", ErrorCode.UnknownType, () => frame(9, 0)],
  ["a wrong HEARTBEAT", ErrorCode.ProtocolError, () => frame(type.heartbeat, 0, bytes(8, 0))],
  ["a HEARTBEAT of a stream", ErrorCode.ProtocolError, () => frame(type.heartbeat, 1, bytes(9, 0))],
  ["DATA of no stream", ErrorCode.ProtocolError, () => frame(type.data, 0, [0])],
  ["DATA of a stream never opened", ErrorCode.ProtocolError, () => frame(type.data, 1, [0])],
  ["RESET of a stream never opened", ErrorCode.ProtocolError, () => frame(type.reset, 2, [16])],
  ["CREDIT of a stream never opened", ErrorCode.ProtocolError, () => frame(type.credit, 1, uint32(1))],
  ["a CREDIT of 0", ErrorCode.ProtocolError, () => frame(type.credit, 0, uint32(0))],
  ["CREDIT above 2^31-1", ErrorCode.CreditExceeded, () => frame(type.credit, 0, uint32(2 ** 31 - 1))],
  ["a REQUEST with an odd id", ErrorCode.ProtocolError, () => frame(type.request, 1, [flag.end, 0])],
  ["a header block with an index beyond the table", ErrorCode.Compression, () => frame(type.request, 2, [1, 2], [0xff, 0x7f])],
  ["too many control frames", ErrorCode.Flood, () => Buffer.concat(Array(8_000).fill(frame(200, 0)))],
]) {
  test(`${what} closes with ${code}`, async () => {
    const { peer, connection } = await connect();
    peer.send(make());
    await closesWith(peer, connection, code);
  });
}

test("frames may come in any pieces; extensions are skipped", async () => {
  const { peer, connection } = await connect();
  const stream = connection.open(op, { message: bytes(1) });
  await peer.next(type.request);
  const head = block({ status: "200" });
  const all = Buffer.concat([
    frame(130, 99, bytes(40)),
    frame(type.response, 1, [flag.message], varint(head.length), head, "one"),
    frame(type.data, 1, [0], "two"),
    frame(type.data, 1, [flag.more], "thr"),
    frame(type.data, 1, [flag.end], "ee"),
  ]);
  for (const byte of all) peer.send(Buffer.of(byte));
  const got = [];
  for await (const message of stream) got.push(Buffer.from(message).toString());
  assert.deepEqual(got, ["one", "two", "three"]);
  assert.deepEqual(await stream.response, [{ name: "status", value: "200" }]);
  assert.equal(connection.activeStreams, 0);
});

test("a request carries its headers, message, priority and end; ids are odd and grow", async () => {
  const { peer, connection } = await connect();
  connection.open(op, { message: bytes(3), priority: 2 });
  const first = await peer.next(type.request);
  assert.deepEqual([first.stream, first.flags, first.fields, first.body.length], [1, flag.end | flag.message | 0x20, { op: "generate" }, 3]);
  connection.open(op, { message: bytes(0), end: false });
  const second = await peer.next(type.request);
  assert.deepEqual([second.stream, second.flags, second.body.length], [3, flag.message, 0]);
});

test("an empty message is not the end", async () => {
  const { peer, connection } = await connect();
  const stream = connection.open(op, { end: false });
  assert.equal((await peer.next(type.request)).flags, 0);
  await stream.write(bytes(0));
  assert.deepEqual(pick(await peer.next(type.data)), [0, 0]);
  await stream.write(bytes(0), true);
  assert.deepEqual(pick(await peer.next(type.data)), [0, 0]);
  assert.deepEqual(pick(await peer.next(type.data)), [flag.end, 0]);
  peer.respond(1, undefined, flag.message);
  peer.data(1, 0);
  peer.batch([1, "", false], [1, "x", false], [1, "", true]);
  const lengths = [];
  for await (const message of stream) lengths.push(message.length);
  assert.deepEqual(lengths, [0, 0, 0, 1]);
  function pick({ flags, body }) {
    return [flags, body.length];
  }
});

test("a batch serves many streams with one frame", async () => {
  const { peer, connection } = await connect();
  const streams = Array.from({ length: 32 }, () => connection.open(op, { message: bytes(1) }));
  for (const stream of streams) peer.respond(stream.id);
  peer.batch(...streams.map((stream, i) => [stream.id, `answer ${i}`, true]));
  for (const [i, stream] of streams.entries()) {
    assert.equal(Buffer.from(await stream.read()).toString(), `answer ${i}`);
    assert.equal(await stream.read(), undefined);
  }
  assert.equal(connection.activeStreams, 0);
});

for (const [what, code, send] of [
  ["DATA before RESPONSE", ErrorCode.ProtocolError, (peer) => peer.data(1, 0, "x")],
  ["a second RESPONSE", ErrorCode.ProtocolError, (peer) => (peer.respond(1), peer.respond(1))],
  ["END together with MORE", ErrorCode.ProtocolError, (peer) => (peer.respond(1), peer.data(1, flag.end | flag.more, "x"))],
  ["DATA after END", ErrorCode.StreamClosed, (peer) => (peer.respond(1, undefined, flag.end), peer.data(1, 0, "x"))],
  ["a BATCH after END", ErrorCode.StreamClosed, (peer) => (peer.respond(1, undefined, flag.end), peer.batch([1, "x", false]))],
  ["more than the stream's credit", ErrorCode.CreditExceeded, (peer) => (peer.respond(1), peer.data(1, 0, bytes(1_001)))],
  ["small messages, which cost 16 each", ErrorCode.CreditExceeded, (peer) => {
    peer.respond(1);
    for (let i = 0; i < 63; i++) peer.data(1, 0, "x");
  }],
]) {
  for (const half of [false, true]) {
    test(`${what} closes with ${code}${half ? ", also while this side is open" : ""}`, async () => {
      const { peer, connection } = await connect({}, { settings: { streamCredit: 1_000 } });
      connection.open(op, { message: bytes(1), end: !half });
      await peer.next(type.request);
      send(peer);
      await closesWith(peer, connection, code);
    });
  }
}

test("a message goes in pieces no larger than max_frame and the credit of stream and connection", async () => {
  const { peer, connection } = await connect({ 1: 16_384, 2: 40_000, 3: 65_536 });
  const message = new Uint8Array(100_000).map((_, i) => i % 251);
  const stream = connection.open(op, { message });
  const parts = [await peer.next(type.request)];
  while (total() < 40_000) parts.push(await peer.next(type.data));
  assert.equal(total(), 40_000);
  assert.ok(parts.every(({ flags, body }) => flags & flag.more && body.length < 16_384));
  await settled();
  assert.equal(peer.frames.length, 0);

  peer.credit(1, 60_000);
  while (total() < 65_536) parts.push(await peer.next(type.data));
  await settled();
  assert.deepEqual([total(), peer.frames.length], [65_536, 0]);

  peer.credit(0, 15);
  await settled();
  assert.equal(peer.frames.length, 0, "less than the least cost is not enough");
  peer.credit(0, 40_000);
  while (total() < 100_000) parts.push(await peer.next(type.data));
  assert.equal(parts.at(-1).flags, flag.end);
  assert.deepEqual(Buffer.concat(parts.map(({ body }) => body)), Buffer.from(message));
  assert.equal(stream.localEnded, true);
  function total() {
    return parts.reduce((sum, { body }) => sum + body.length, 0);
  }
});

test("without credit for a message the request goes without it", async () => {
  const { peer, connection } = await connect({ 2: 0 });
  connection.open(op, { message: bytes(5) });
  assert.equal((await peer.next(type.request)).flags, 0);
  peer.credit(1, 16);
  const { flags, body } = await peer.next(type.data);
  assert.deepEqual([flags, body.length], [flag.end, 5]);
});

test("credit returns when the application has taken the bytes, for stream and connection", async () => {
  const { peer, connection } = await connect({}, { settings: { streamCredit: 1_000, connectionCredit: 65_536 } });
  const stream = connection.open(op, { message: bytes(1), end: false });
  peer.respond(1);
  peer.data(1, 0, bytes(900));
  await settled();
  await peer.next(type.request);
  assert.equal(peer.frames.length, 0, "not before it is read");
  assert.equal((await stream.read()).length, 900);
  const credit = await peer.next(type.credit);
  assert.deepEqual([credit.stream, credit.increment], [1, 900]);
  for (let i = 0; i < 40; i++) {
    peer.data(1, 0, bytes(900));
    await stream.read();
  }
  let forConnection = 0;
  while (forConnection === 0) {
    const { stream: id, increment } = await peer.next(type.credit);
    if (id === 0) forConnection = increment;
  }
  assert.ok(forConnection >= 32_768);
});

test("a message longer than the credit of its stream comes through, up to the limit", async () => {
  const settings = { streamCredit: 1_000 };
  const { peer, connection } = await connect({}, { settings, maxMessageBytes: 5_000 });
  const stream = connection.open(op, { message: bytes(1) });
  peer.respond(1);
  for (let i = 0; i < 4; i++) {
    peer.data(1, flag.more, bytes(1_000));
    assert.equal((await peer.next(type.credit)).increment, 1_000);
  }
  peer.data(1, flag.end, bytes(1_000));
  assert.equal((await stream.read()).length, 5_000);

  const other = connection.open(op, { message: bytes(1) });
  peer.respond(3);
  for (let i = 0; i < 5; i++) {
    peer.data(3, flag.more, bytes(1_000));
    await peer.next(type.credit);
  }
  peer.data(3, flag.more, bytes(1));
  await assert.rejects(other.read(), { code: "message_too_large" });
  assert.equal((await peer.next(type.reset)).code, ErrorCode.MessageTooLarge);
});

test("cancel sends RESET CANCELLED; what still comes is ignored, and its credit returns at once", async () => {
  const { peer, connection } = await connect({}, { settings: { connectionCredit: 65_536 } });
  const aborting = new AbortController();
  const stream = connection.open(op, { message: bytes(1), signal: aborting.signal });
  peer.respond(1);
  await stream.response;
  aborting.abort();
  await assert.rejects(stream.read(), { name: "AbortError" });
  const reset = await peer.next(type.reset);
  assert.deepEqual([reset.stream, reset.code], [1, ErrorCode.Cancelled]);
  for (let i = 0; i < 40; i++) peer.data(1, 0, bytes(1_000));
  const credit = await peer.next(type.credit);
  assert.deepEqual([credit.stream, credit.increment >= 32_768], [0, true]);
  peer.data(1, flag.end);
  peer.credit(1, 5);
  peer.reset(1, 0);
  await settled();
  assert.equal(connection.available, true);
  assert.equal(connection.activeStreams, 0);
});

test("leaving the loop cancels; unread messages give their credit back", async () => {
  const { peer, connection } = await connect({}, { settings: { connectionCredit: 65_536 } });
  const stream = connection.open(op, { message: bytes(1) });
  peer.respond(1);
  for (let i = 0; i < 40; i++) peer.data(1, 0, bytes(1_000));
  for await (const message of stream) if (message.length > 0) break;
  await peer.next(type.reset);
  assert.equal(connection.activeStreams, 0);
  connection.open(op, { message: bytes(1) });
  peer.respond(3);
  for (let i = 0; i < 50; i++) peer.data(3, 0, bytes(1_000));
  await settled();
  assert.equal(connection.available, true, "the credit of the first stream is back");
});

test("the answer may end first: RESET NO_ERROR then stops the rest of the request", async () => {
  const { peer, connection } = await connect({ 2: 100 });
  const stream = connection.open(op, { message: bytes(1_000) });
  await peer.next(type.request);
  peer.respond(1, { status: "200" }, flag.message | flag.end, "done");
  peer.reset(1, ErrorCode.NoError);
  assert.equal(Buffer.from(await stream.read()).toString(), "done");
  assert.equal(await stream.read(), undefined);
  assert.equal(connection.activeStreams, 0);
  peer.credit(1, 1_000);
  await settled();
  assert.equal(peer.frames.length, 0);
});

test("RESET ends a stream with its code; what came before can be read; an unknown code is INTERNAL", async () => {
  const { peer, connection } = await connect();
  const streams = [ErrorCode.EngineFailed, 99].map((code) => {
    const stream = connection.open(op, { message: bytes(1) });
    peer.respond(stream.id, undefined, flag.message, "a");
    peer.reset(stream.id, code, "why");
    return stream;
  });
  assert.equal((await streams[0].read()).length, 1);
  await assert.rejects(streams[0].read(), { code: "engine_failed", message: "why", wireCode: 21 });
  await streams[1].read();
  await assert.rejects(streams[1].read(), { code: "internal" });
});

test("no more streams than the peer allows; the rest wait, and can be cancelled there", async () => {
  const { peer, connection } = await connect({ 4: 2 });
  const streams = [1, 2, 3, 4].map(() => connection.open(op, { message: bytes(1) }));
  await settled();
  assert.deepEqual(peer.frames.map(({ stream }) => stream), [1, 3]);
  streams[2].cancel();
  await assert.rejects(streams[2].response, { code: "cancelled" });
  peer.frames.length = 0;
  peer.respond(1, undefined, flag.end);
  assert.equal((await peer.next(type.request)).stream, 5);
  assert.equal(streams[3].id, 5);
});

test("the gateway's own streams are refused, and their header blocks are decoded all the same", async () => {
  const { peer, connection } = await connect();
  const kept = Buffer.concat([Buffer.of(0x40, 3), Buffer.from("abc"), Buffer.of(3), Buffer.from("def")]);
  peer.send(frame(type.request, 2, [flag.end | flag.message], varint(kept.length), kept, "body"));
  const reset = await peer.next(type.reset);
  assert.deepEqual([reset.stream, reset.code], [2, ErrorCode.Refused]);
  const stream = connection.open(op, { message: bytes(1) });
  const { staticTable } = await import("../dist/wire.js");
  peer.send(frame(type.response, 1, [flag.end], varint(1), [0x80 | (staticTable.length + 1)]));
  assert.deepEqual(await stream.response, [{ name: "abc", value: "def" }]);
  peer.send(frame(type.request, 2, [flag.end, 0]));
  await closesWith(peer, connection, ErrorCode.ProtocolError);
});

test("headers above max_header_list fail only their stream", async () => {
  const { peer, connection } = await connect({}, { settings: { maxHeaderList: 1_024 } });
  const stream = connection.open(op, { message: bytes(1) });
  peer.respond(1, { status: "200", a: "x".repeat(1_000) }, flag.message, "body");
  await assert.rejects(stream.response, { code: "headers_too_large" });
  assert.equal((await peer.next(type.reset)).code, ErrorCode.HeadersTooLarge);
  assert.equal(connection.available, true);
});

test("a heartbeat is answered; silence is asked about and then ends with HEARTBEAT_TIMEOUT", async () => {
  const { peer, connection } = await connect({}, { settings: { heartbeatMs: 100 } });
  peer.send(frame(type.heartbeat, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]));
  assert.deepEqual([...(await peer.next(type.heartbeat)).payload], [1, 1, 2, 3, 4, 5, 6, 7, 8]);
  const ask = await peer.next(type.heartbeat);
  assert.equal(ask.payload[0], 0);
  const began = performance.now();
  await closesWith(peer, connection, ErrorCode.HeartbeatTimeout);
  assert.ok(performance.now() - began > 150);
});

test("any frame is a sign of life", async () => {
  const { peer, connection } = await connect({}, { settings: { heartbeatMs: 100 } });
  const until = performance.now() + 500;
  while (performance.now() < until) {
    const ask = await peer.next(type.heartbeat);
    peer.send(frame(type.heartbeat, 0, [1], ask.payload.subarray(1)));
  }
  assert.equal(connection.available, true);
});

test("GOODBYE in order: later streams were not processed, earlier ones run to their end, then all is closed", async () => {
  const { peer, connection } = await connect();
  const first = connection.open(op, { message: bytes(1) });
  const second = connection.open(op, { message: bytes(1) });
  peer.goodbye(1, ErrorCode.NoError, "stopping");
  await assert.rejects(second.response, { code: "refused", mayRetry: true });
  assert.equal(connection.available, false);
  assert.throws(() => connection.open(op), { code: "refused" });
  peer.respond(1, undefined, flag.message | flag.end, "last");
  assert.equal(Buffer.from(await first.read()).toString(), "last");
  assert.equal(await connection.closed, undefined);
  assert.equal(peer.closed, true);
});

test("GOODBYE with a code ends all streams with it", async () => {
  const { peer, connection } = await connect();
  const stream = connection.open(op, { message: bytes(1) });
  peer.goodbye(0, ErrorCode.Flood, "enough");
  await assert.rejects(stream.response, { code: "flood", message: "enough" });
  assert.equal((await connection.closed).wireCode, ErrorCode.Flood);
});

test("an end without goodbye is TRUNCATED", async () => {
  const { peer, connection } = await connect();
  const stream = connection.open(op, { message: bytes(1) });
  await settled();
  peer.die();
  await assert.rejects(stream.read(), { code: "truncated" });
  assert.equal((await connection.closed).wireCode, ErrorCode.Truncated);
});

test("close cancels what runs and says goodbye; with patience it waits", async () => {
  const { peer, connection } = await connect();
  const stream = connection.open(op, { message: bytes(1) });
  await connection.close();
  await assert.rejects(stream.response, { code: "cancelled" });
  assert.equal((await peer.next(type.reset)).code, ErrorCode.Cancelled);
  assert.equal((await peer.next(type.goodbye)).code, ErrorCode.NoError);

  const other = await connect();
  const running = other.connection.open(op, { message: bytes(1) });
  const closing = other.connection.close(5_000);
  await other.peer.next(type.goodbye);
  other.peer.respond(1, undefined, flag.end);
  await closing;
  assert.deepEqual(await running.response, [{ name: "status", value: "200" }]);
});

test("urgent, normal and batch share the turns 16 : 4 : 1, and streams of a class take turns", () => {
  const scheduler = new Scheduler();
  const streams = [0, 1, 2, 1].map((priority, i) => ({ priority, i }));
  streams.forEach((stream) => scheduler.add(stream));
  const turns = [0, 0, 0, 0];
  for (let i = 0; i < 210; i++) {
    const stream = scheduler.take(() => true);
    turns[stream.i]++;
    scheduler.add(stream);
  }
  assert.deepEqual(turns, [40, 80, 10, 80]);
  assert.equal(scheduler.take(() => false), undefined);
});

test("nothing more is written than the transport takes", async () => {
  const { peer, connection } = await connect({ 2: 2 ** 31 - 1, 3: 2 ** 31 - 1 });
  peer.transport.buffered = 2_000_000;
  connection.open(op, { message: bytes(10) });
  await settled();
  assert.equal(peer.frames.length, 0);
  peer.transport.buffered = 0;
  peer.transport.onDrain();
  assert.equal((await peer.next(type.request)).body.length, 10);
});

function settled() {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
