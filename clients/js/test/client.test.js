import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import * as pb from "../dist/gen/chasqui_pb.js";
import { ChasquiClient, ChasquiError } from "../dist/index.js";
import { flag, Peer, type } from "./peer.js";
import { connect, pack, request } from "./played.js";

test("generate streams updates; what is common may stand beside the prompt", async () => {
  const { client, peers } = connect();
  const updates = client.generate(
    { model: "mini", prompt: "Hi", options: { numPredict: 3 }, format: "json", common: { noShift: true } },
    { timeoutMs: 5_000, priority: 1, requestId: "r1" },
  );
  const first = updates.next();
  const { fields, flags, body } = await request(peers, 0);
  assert.deepEqual(fields, { op: "generate", "deadline-ms": "5000", "request-id": "r1" });
  assert.equal(flags, flag.end | flag.message | 0x10);
  const sent = fromBinary(pb.GenerateRequestSchema, body);
  assert.deepEqual([sent.model, sent.prompt, sent.common.options.numPredict, sent.common.format, sent.common.noShift], ["mini", "Hi", 3, "json", true]);

  peers[0].respond(1);
  peers[0].batch([1, pack(pb.GenerationUpdateSchema, { text: "a" }), false]);
  peers[0].data(1, flag.end, pack(pb.GenerationUpdateSchema, { text: "b", result: { completionTokens: 2 } }));
  assert.equal((await first).value.text, "a");
  const second = await updates.next();
  assert.equal(second.value.result.completionTokens, 2);
  assert.equal((await updates.next()).done, true);
  await client.close();
});

test("chat, embed, tokenize, info, publish and the models speak their operations", async () => {
  const { client, peers } = connect();
  const calls = [
    ["embed", () => client.embed({ model: "m", inputs: ["x"] }), pb.EmbedResponseSchema, { vectors: [{ values: [1, 2] }] }],
    ["tokenize", () => client.tokenize({ model: "m", text: "x" }), pb.TokenizeResponseSchema, { tokens: [1] }],
    ["server.info", () => client.info(), pb.ServerInfoSchema, { name: "chasqui" }],
    ["models.list", () => client.models.list(), pb.ModelListSchema, {}],
    ["models.show", () => client.models.show("m"), pb.ModelDescriptionSchema, {}],
    ["models.ps", () => client.models.ps(), pb.ResidentListSchema, {}],
    ["models.load", () => client.models.load("m"), pb.ResidentModelSchema, { slots: 2 }],
    ["models.unload", () => client.models.unload("m"), pb.UnloadResponseSchema, { wasResident: true }],
    ["models.pin", () => client.models.pin("m"), pb.ResidentModelSchema, {}],
    ["channel.publish", () => client.publish("news", "hi"), pb.PublishResponseSchema, { number: 9n }],
  ];
  for (const [op, call, schema, answer] of calls) {
    const result = call();
    const { fields, stream } = await request(peers, 0);
    assert.equal(fields.op, op);
    peers[0].respond(stream, { status: "200" }, flag.message | flag.end, pack(schema, answer));
    assert.deepEqual(await result, create(schema, answer), op);
  }
  const talk = client.chat({ model: "m", messages: [{ role: "user", content: "hi" }], think: "low" }).next();
  const { fields, body, stream } = await request(peers, 0);
  assert.equal(fields.op, "chat");
  assert.equal(fromBinary(pb.ChatRequestSchema, body).common.think, "low");
  peers[0].respond(stream, { status: "200" }, flag.end);
  assert.equal((await talk).done, true);
  assert.equal(peers.length, 1);
  await client.close();
});

test("a status other than 200 is an error with what the Error message says", async () => {
  const { client, peers } = connect();
  const call = client.models.show("nix");
  const { stream } = await request(peers, 0);
  const error = { code: "model_not_found", message: "no such model", retryAfterMs: 7, details: { model: "nix" }, suggestions: ["mini"] };
  peers[0].respond(stream, { status: "404" }, flag.message | flag.end, pack(pb.ErrorSchema, error));
  await assert.rejects(call, (thrown) => {
    assert.ok(thrown instanceof ChasquiError);
    const { code, status, message, retryAfterMs, details, suggestions } = thrown;
    assert.deepEqual({ code, message, retryAfterMs, details: { ...details }, suggestions, status }, { ...error, status: 404 });
    return true;
  });
  const bare = client.info();
  const second = await request(peers, 0);
  peers[0].respond(second.stream, { status: "501", "content-type": "application/json" }, flag.message | flag.end, '{"error":"no"}');
  await assert.rejects(bare, { status: 501, message: '{"error":"no"}' });
  await client.close();
});

test("an AbortSignal ends the call with its reason, and the stream with RESET CANCELLED", async () => {
  const { client, peers } = connect();
  const aborting = new AbortController();
  const updates = client.generate({ model: "m", prompt: "x" }, { signal: aborting.signal });
  const first = updates.next();
  await request(peers, 0);
  peers[0].respond(1, { status: "200" }, flag.message, pack(pb.GenerationUpdateSchema, { text: "a" }));
  await first;
  const second = updates.next();
  aborting.abort(new Error("enough"));
  await assert.rejects(second, { message: "enough" });
  assert.equal((await peers[0].next(type.reset)).code, 16);
  await assert.rejects(client.info({ signal: aborting.signal }), { message: "enough" });
  await client.close();
});

test("a lost connection is made again at the next call, with growing waits between the tries", async () => {
  const waits = [];
  let last = performance.now();
  let down = false;
  const { client, peers } = connect({ backoffMs: 20, connectAttempts: 4 }, () => {
    waits.push(performance.now() - last);
    last = performance.now();
    if (down) throw new Error("nobody there");
  });
  const call = client.info();
  await request(peers, 0);
  down = true;
  peers[0].die();
  await assert.rejects(call, { code: "truncated", mayRetry: false });
  waits.length = 0;
  last = performance.now();
  await assert.rejects(client.info(), { code: "unavailable", message: /ws:\/\/test\/ws: nobody there/ });
  assert.equal(waits.length, 4);
  assert.ok(waits[1] >= 15 && waits[2] >= 35 && waits[3] >= 75, `waited ${waits}`);
  down = false;
  const again = client.info();
  const { stream } = await request(peers, 1);
  peers[1].respond(stream, { status: "200" }, flag.message | flag.end, pack(pb.ServerInfoSchema, { name: "back" }));
  assert.equal((await again).name, "back");
  await client.close();
});

test("many calls at once make one connection; a wrong key is not tried again", async () => {
  const { client, peers } = connect();
  const calls = [client.info(), client.info(), client.info()];
  for (let i = 0; i < 3; i++) {
    const { stream } = await request(peers, 0);
    peers[0].respond(stream, { status: "200" }, flag.message | flag.end, pack(pb.ServerInfoSchema, {}));
  }
  await Promise.all(calls);
  assert.equal(peers.length, 1);
  await client.close();

  let dials = 0;
  const denied = new ChasquiClient("ws://test/ws", {
    apiKey: "wrong",
    dial: async () => {
      dials++;
      const peer = new Peer();
      peer.greeted = () => peer.goodbye(0, 12, "a wrong key");
      return peer.transport;
    },
  });
  await assert.rejects(denied.info(), { code: "unauthenticated", message: "a wrong key" });
  assert.equal(dials, 1);
});

test("what was refused is sent again, elsewhere after a goodbye; what may have run is not", async () => {
  const { client, peers } = connect();
  const call = client.info();
  const { stream } = await request(peers, 0);
  peers[0].reset(stream, 17, "full");
  const second = await request(peers, 0);
  assert.equal(second.stream, 3);
  peers[0].goodbye(0, 0, "stopping");
  const third = await request(peers, 1);
  peers[1].respond(third.stream, { status: "200" }, flag.message | flag.end, pack(pb.ServerInfoSchema, { name: "x" }));
  assert.equal((await call).name, "x");
  const failing = client.info();
  peers[1].reset((await request(peers, 1)).stream, 20, "broken");
  await assert.rejects(failing, { code: "internal", message: "broken" });
  await client.close();
});

test("a subscription goes on over a new connection and tells the gap", async () => {
  const { client, peers } = connect();
  const events = client.subscribe("news");
  const event = (number) => pack(pb.ChannelEventSchema, { channel: "news", number, payload: new TextEncoder().encode("e" + number) });
  const first = events.next();
  const { fields, body } = await request(peers, 0);
  assert.equal(fields.op, "channel.subscribe");
  assert.equal(fromBinary(pb.SubscribeRequestSchema, body).channel, "news");
  peers[0].respond(1, { status: "200" }, flag.message, event(5n));
  assert.equal((await first).value.number, 5n);
  const second = events.next();
  peers[0].die();
  await request(peers, 1);
  peers[1].respond(1);
  peers[1].batch([1, event(9n), false]);
  const { value } = await second;
  assert.deepEqual([value.number, value.missed, new TextDecoder().decode(value.payload)], [9n, 3n, "e9"]);
  await events.return();
  assert.equal((await peers[1].next(type.reset)).code, 16);

  const single = client.subscribe("news", { resume: false }).next();
  const { stream } = await request(peers, 1);
  peers[1].respond(stream);
  setImmediate(() => peers[1].die());
  await assert.rejects(single, { code: "truncated" });
  await client.close();
});

test("close ends calls, dialing included; afterwards nothing is called", async () => {
  const { client, peers } = connect();
  const call = client.info();
  await request(peers, 0);
  await client.close();
  await assert.rejects(call, { code: "cancelled" });
  assert.equal((await peers[0].next(type.goodbye)).code, 0);
  await assert.rejects(client.info(), { code: "cancelled", message: "the client was closed" });

  const dialing = new ChasquiClient("ws://test/ws", { dial: () => new Promise(() => {}) });
  const waiting = dialing.info();
  await Promise.all([assert.rejects(waiting, { code: "cancelled" }), dialing.close()]);
});

test("an address that is none is refused at once", () => {
  assert.throws(() => new ChasquiClient("127.0.0.1"), TypeError);
  assert.throws(() => new ChasquiClient("http://127.0.0.1"), /not one of ws/);
});
