import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import * as pb from "../dist/gen/chasqui_pb.js";
import { flag, frame, type } from "./peer.js";
import { connect, pack, request } from "./played.js";

const words = ["Once", " upon", " a", " time", ""];
const updates = words.map((text, index) =>
  pack(pb.GenerationUpdateSchema, index === words.length - 1 ? { text, result: { completionTokens: 4 } } : { text }));
const prompt = { model: "mini", prompt: "Hi" };
const kept = (fields) => ({ status: "200", generation: fields.generation });

/** Sends the head and the updates from one to before another; the end follows the last there is. */
function answer(peer, { stream, fields }, to = updates.length, from = Number(fields.offset ?? 0), head = kept(fields)) {
  peer.respond(stream, head);
  for (let i = from; i < to; i++) peer.data(stream, i === updates.length - 1 ? flag.end : 0, updates[i]);
}

/** Waits for a request and answers it so. */
async function serve(peers, index, ...how) {
  const asked = await request(peers, index);
  answer(peers[index], asked, ...how);
}

/** After what was sent so far. */
const cut = (peer) => queueMicrotask(() => peer.die());

async function read(generator) {
  let text = "";
  let count = 0;
  let result;
  for await (const update of generator) {
    text += update.text;
    count++;
    result = update.result;
  }
  return { text, count, result: result?.completionTokens };
}

const whole = { text: words.join(""), count: words.length, result: 4 };

for (let k = 0; k <= words.length; k++) {
  test(`an answer that is cut after ${k} updates goes on where it was`, async () => {
    const { client, peers } = connect({ resume: true });
    const ids = [];
    const got = read(client.chat({ model: "mini", messages: [{ role: "user", content: "Hi" }] }, { onGeneration: (id) => ids.push(id) }));
    const first = await request(peers, 0);
    assert.match(first.fields.generation, /^g-[a-z0-9]{24}$/);
    assert.equal(first.fields.offset, undefined);
    if (k > 0) answer(peers[0], first, k);
    // In the middle of the next update.
    if (k > 0 && k < words.length) peers[0].send(frame(type.data, first.stream, [flag.more], updates[k].subarray(0, 1)).subarray(0, 17));
    cut(peers[0]);
    if (k < words.length) {
      const second = await request(peers, 1);
      assert.deepEqual(second.fields, { ...first.fields, ...(k === 0 ? {} : { offset: String(k) }) });
      assert.deepEqual(second.body, first.body);
      answer(peers[1], second);
    }
    assert.deepEqual(await got, whole);
    assert.deepEqual(ids, [first.fields.generation]);
    assert.equal(peers.length, k < words.length ? 2 : 1);
    await client.close();
  });
}

test("an answer is cut again and again, each time after one more update", async () => {
  const { client, peers } = connect();
  const got = read(client.generate(prompt, { resume: true }));
  for (let k = 1; k <= words.length; k++) {
    const asked = await request(peers, k - 1);
    assert.equal(asked.fields.offset, k === 1 ? undefined : String(k - 1));
    answer(peers[k - 1], asked, k);
    cut(peers[k - 1]);
  }
  assert.deepEqual(await got, whole);
  await client.close();
});

test("the end that is lost behind the last update is no loss", async () => {
  const { client, peers } = connect({ resume: true });
  const got = read(client.generate(prompt));
  const asked = await request(peers, 0);
  answer(peers[0], asked, words.length - 1);
  peers[0].data(asked.stream, 0, updates.at(-1));
  cut(peers[0]);
  assert.deepEqual(await got, whole);
  assert.equal(peers.length, 1);
  await client.close();
});

test("nobody asks for an answer to be kept unless told; then its loss is an error as ever", async () => {
  const { client, peers } = connect({ resume: true });
  const got = read(client.generate(prompt, { resume: false }));
  const asked = await request(peers, 0);
  assert.equal(asked.fields.generation, undefined);
  answer(peers[0], asked, 2, 0, { status: "200" });
  cut(peers[0]);
  await assert.rejects(got, { code: "truncated" });
  assert.equal(peers.length, 1);
  await client.close();
});

test("an answer that the gateway does not keep, or no longer knows, fails with the loss", async () => {
  const { client, peers } = connect({ resume: true });
  const ids = [];
  const notKept = read(client.generate(prompt, { onGeneration: (id) => ids.push(id) }));
  const first = await request(peers, 0);
  answer(peers[0], first, 2, 0, { status: "200" });
  cut(peers[0]);
  await assert.rejects(notKept, (error) => error.code === "truncated" && error.cause.code === "generation_not_kept");
  assert.deepEqual(ids, []);

  const forgotten = read(client.generate(prompt));
  await serve(peers, 1, 2);
  cut(peers[1]);
  const { stream } = await request(peers, 2);
  const error = { code: "generation_not_found", message: "gone" };
  peers[2].respond(stream, { status: "404" }, flag.message | flag.end, pack(pb.ErrorSchema, error));
  await assert.rejects(forgotten, (thrown) => thrown.code === "truncated" && thrown.cause.code === "generation_not_found" && thrown.cause.status === 404);

  // From its beginning once more: worse than nothing.
  const again = read(client.generate(prompt));
  await serve(peers, 2, 2);
  cut(peers[2]);
  await serve(peers, 3, 2, 0, { status: "200" });
  await assert.rejects(again, (thrown) => thrown.code === "truncated" && thrown.cause.code === "generation_not_kept");
  assert.equal((await peers[3].next(type.reset)).code, 16);
  await client.close();
});

test("what the gateway answers instead of the rest is the error", async () => {
  const { client, peers } = connect({ resume: true });
  const got = read(client.generate(prompt));
  await serve(peers, 0, 2);
  cut(peers[0]);
  const { stream } = await request(peers, 1);
  peers[1].respond(stream, { status: "500" }, flag.message | flag.end, pack(pb.ErrorSchema, { code: "engine_failed", message: "dead" }));
  await assert.rejects(got, { code: "engine_failed", message: "dead" });
  await client.close();
});

test("a gateway that does not come back is given up after resumeWithinMs, a connection that never was at once", async () => {
  let down = false;
  const { client, peers } = connect({ resume: true, resumeWithinMs: 80, connectAttempts: 2 }, () => {
    if (down) throw new Error("nobody there");
  });
  const got = read(client.generate(prompt));
  await serve(peers, 0, 2);
  down = true;
  const began = performance.now();
  cut(peers[0]);
  await assert.rejects(got, (error) => error.code === "truncated" && error.cause.code === "unavailable");
  const took = performance.now() - began;
  assert.ok(took >= 75 && took < 1_000, `${took} ms`);
  await assert.rejects(read(client.generate(prompt)), { code: "unavailable" });
  await client.close();
});

test("a request that ends each connection without an update is given up too", async () => {
  const { client, peers } = connect({ resume: true, resumeWithinMs: 60, maxBackoffMs: 30 });
  peers.came.addEventListener("peer", async () => {
    const peer = peers.at(-1);
    await peer.next(type.request);
    peer.die();
  });
  await assert.rejects(read(client.generate(prompt)), { code: "truncated" });
  assert.ok(peers.length >= 3, `${peers.length} connections`);
  await client.close();
});

test("the deadline is one over all connections, and the signal ends the wait for the next", async () => {
  let down = false;
  const options = { resume: true, connectAttempts: 100, maxBackoffMs: 10 };
  const { client, peers } = connect(options, () => {
    if (down) throw new Error("nobody there");
  });
  const got = read(client.generate(prompt, { timeoutMs: 10_000 }));
  const first = await request(peers, 0);
  assert.equal(first.fields["deadline-ms"], "10000");
  answer(peers[0], first, 2);
  cut(peers[0]);
  const second = await request(peers, 1);
  assert.ok(Number(second.fields["deadline-ms"]) < 10_000, second.fields["deadline-ms"]);
  answer(peers[1], second);
  assert.deepEqual(await got, whole);

  const late = read(client.generate(prompt, { timeoutMs: 100 }));
  await serve(peers, 1, 2);
  down = true;
  cut(peers[1]);
  await assert.rejects(late, { code: "deadline", message: /100 ms/ });

  down = false;
  const aborting = new AbortController();
  const unwanted = client.generate(prompt, { signal: aborting.signal });
  const one = unwanted.next();
  await serve(peers, 2, 1);
  await one;
  const two = unwanted.next();
  down = true;
  cut(peers[2]);
  setImmediate(() => aborting.abort(new Error("enough")));
  await assert.rejects(two, { message: "enough" });
  await client.close();
});

test("leaving the loop after a loss resets the stream of the new connection", async () => {
  const { client, peers } = connect({ resume: true });
  const leaving = (async () => {
    for await (const { text } of client.generate(prompt)) if (text === " a") break;
  })();
  await serve(peers, 0, 2);
  cut(peers[0]);
  await serve(peers, 1, 3);
  await leaving;
  assert.equal((await peers[1].next(type.reset)).code, 16);
  await client.close();
});

test("resume and cancelGeneration speak their operations; a reader who comes back counts on from his offset", async () => {
  const { client, peers } = connect({ resume: true });
  const got = read(client.resume("g-of-somebody-else", 2));
  const first = await request(peers, 0);
  assert.equal(first.fields.op, "generation.resume");
  assert.deepEqual({ ...fromBinary(pb.ResumeRequestSchema, first.body), $typeName: 0 }, { $typeName: 0, id: "g-of-somebody-else", offset: 2 });
  answer(peers[0], first, 3, 2, { status: "200", generation: "g-of-somebody-else" });
  cut(peers[0]);
  const second = await request(peers, 1);
  assert.equal(fromBinary(pb.ResumeRequestSchema, second.body).offset, 3);
  answer(peers[1], second, words.length, 3, { status: "200", generation: "g-of-somebody-else" });
  assert.deepEqual(await got, { ...whole, text: words.slice(2).join(""), count: words.length - 2 });

  const cancelled = client.cancelGeneration("g-of-somebody-else");
  const third = await request(peers, 1);
  assert.equal(third.fields.op, "generation.cancel");
  assert.equal(fromBinary(pb.GenerationNameSchema, third.body).id, "g-of-somebody-else");
  peers[1].respond(third.stream, { status: "200" }, flag.message | flag.end);
  assert.equal(await cancelled, undefined);

  const unknown = read(client.resume("g-of-nobody-at-all"));
  const fourth = await request(peers, 1);
  peers[1].respond(fourth.stream, { status: "404" }, flag.message | flag.end, pack(pb.ErrorSchema, { code: "generation_not_found" }));
  await assert.rejects(unknown, { code: "generation_not_found", status: 404 });
  await client.close();
});
