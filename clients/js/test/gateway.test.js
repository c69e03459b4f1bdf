import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ChasquiClient } from "../dist/index.js";
import { startGateway } from "./gateway.js";

let gateway;
before(async () => (gateway = await startGateway()));
after(() => gateway.stop?.());

/** Runs a test over each way to the gateway. */
function overEach(name, run) {
  for (const way of ["ws", "mcp"]) {
    test(`gateway, ${way}: ${name}`, async (t) => {
      if (gateway.skip) return t.skip(gateway.skip);
      if (gateway[way] === undefined) return t.skip(`the gateway does not tell its address for ${way}`);
      const client = new ChasquiClient(gateway[way], { connectAttempts: 1 });
      try {
        await run(client);
      } finally {
        await client.close();
      }
    });
  }
}

const request = { model: "mini", prompt: "Once upon a time", options: { numPredict: 12, temperature: 0, seed: 1 } };

overEach("says what it is and which models there are", async (client) => {
  const info = await client.info();
  assert.ok(info.name.length > 0);
  assert.ok(info.operations.includes("generate"));
  const { models } = await client.models.list();
  assert.ok(models.some(({ name }) => name.startsWith("mini")));
  assert.ok((await client.models.show("mini")).metadata.length > 0);
});

overEach("streams a generation", async (client) => {
  const updates = [];
  for await (const update of client.generate(request)) updates.push(update);
  assert.ok(updates.length > 1);
  assert.equal(updates.at(-1).result.completionTokens, 12);
  assert.ok(updates.map(({ text }) => text).join("").length > 12);
});

overEach("answers many at once over one connection, each with the same text", async (client) => {
  const texts = await Promise.all(
    Array.from({ length: 8 }, async () => {
      let text = "";
      for await (const update of client.generate(request)) text += update.text;
      return text;
    }),
  );
  assert.equal(new Set(texts).size, 1);
});

overEach("stops a generation that nobody wants any more", async (client) => {
  const aborting = new AbortController();
  const endless = { ...request, options: { numPredict: 100_000 } };
  await assert.rejects(async () => {
    for await (const update of client.generate(endless, { signal: aborting.signal })) if (update.text) aborting.abort();
  }, { name: "AbortError" });
  for await (const update of client.generate(endless)) if (update.text) break;
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { models } = await client.models.ps();
    if (models.every(({ running }) => running === 0)) break;
    assert.ok(Date.now() < deadline, "it still runs");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

overEach("tokenizes, embeds or says why not, and knows a model that is missing", async (client) => {
  assert.ok((await client.tokenize({ model: "mini", text: "hello there" })).tokens.length > 0);
  await client.embed({ model: "mini", inputs: ["hello", "there"] }).then(
    ({ vectors }) => assert.equal(vectors.length, 2),
    (error) => assert.ok(error.status >= 400, String(error)),
  );
  await assert.rejects(client.models.show("no-such-model"), { code: "model_not_found", status: 404 });
  await assert.rejects(async () => void (await client.generate({ model: "no-such-model", prompt: "x" }).next()), { status: 404 });
});

overEach("chats", async (client) => {
  let result;
  for await (const update of client.chat({ model: "mini", messages: [{ role: "user", content: "Hi" }], options: { numPredict: 5 } })) {
    result = update.result;
  }
  assert.ok(result.completionTokens > 0);
});

overEach("passes events from who publishes to who subscribes", async (client) => {
  const events = client.subscribe("js.test");
  const first = events.next();
  let got;
  first.then((event) => (got = event));
  const deadline = Date.now() + 10_000;
  // Nothing tells the moment from which on a subscription gets events but the first event.
  for (let i = 0; got === undefined; i++) {
    await client.publish("js.test", `event ${i}`);
    assert.ok(Date.now() < deadline, "no event came");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.match(new TextDecoder().decode(got.value.payload), /^event \d+$/);
  await events.return();
  await assert.rejects(client.publish("models", "mine"), (error) => error.status >= 400);
});

overEach("keeps sessions", async (client) => {
  const { sessions } = client;
  const { id, version, message_count } = await sessions.create({ title: "Zoë's", model: "mini", policy: "keep-all" });
  assert.deepEqual([version, message_count], [1, 0]);
  const asked = { role: "user", content: "Hi ✓", tool_name: "none" };
  const appended = await sessions.append(id, [asked, { role: "assistant", content: "Hello" }], { version: 1 });
  assert.deepEqual([appended.version, appended.message_count], [2, 2]);
  const conflict = (error) => error.code === "session_conflict" && error.status === 409 && error.details.version === "2";
  await assert.rejects(sessions.append(id, [asked], { version: 1n }), conflict);
  await assert.rejects(sessions.update(id, { title: "x" }, { version: 1 }), conflict);
  await assert.rejects(sessions.delete(id, { version: 1 }), conflict);
  const talk = { model: "mini", messages: [asked], options: { numPredict: 3 } };
  await assert.rejects(client.chat(talk, { session: id, sessionVersion: 1 }).next(), conflict);
  await assert.rejects(sessions.create({ id }), { code: "session_exists", status: 409 });

  const read = await sessions.get(id);
  const { tokens, ...first } = read.messages[0];
  assert.deepEqual(first, asked);
  assert.ok(tokens > 0 && read.title === "Zoë's" && read.policy === "keep-all");
  assert.equal((await sessions.update(id, { max_tokens: 100 })).max_tokens, 100);
  assert.equal((await sessions.update(id, { max_tokens: null }, { version: 3 })).max_tokens, undefined);

  const fork = await sessions.fork(id, { version: 2n, title: "fork" });
  assert.deepEqual([fork.title, fork.message_count, fork.forked_from], ["fork", 2, { session: id, version: 2 }]);
  const changes = await sessions.changes(id, { after: 1, limit: 2 });
  assert.deepEqual(changes.map(({ version, kind }) => [version, kind]), [[2, "appended"], [3, "updated"]]);

  const lines = [];
  for await (const line of sessions.export(id)) lines.push(line);
  assert.deepEqual(lines.map((line) => JSON.parse(line).version), [1, 2, 3, 4]);
  const copy = await sessions.import(lines);
  assert.deepEqual((await sessions.get(copy.id)).messages, read.messages);
  await sessions.delete(copy.id);
  const again = await sessions.import(sessions.export(id), { id: copy.id + "-2" });
  assert.equal(again.id, copy.id + "-2");

  const page = await sessions.list({ limit: 1 });
  assert.deepEqual([page.sessions.length, page.sessions[0].id], [1, again.id]);
  assert.equal((await sessions.list({ limit: 1, after: page.next })).sessions[0].id, fork.id);
  for (const one of [id, fork.id, again.id]) assert.equal(await sessions.delete(one), undefined);
  await assert.rejects(sessions.get(id), { code: "session_not_found", status: 404 });
  await assert.rejects(sessions.list({ limit: 0 }), { code: "invalid_request", status: 400 });
});

overEach("records chats in a session, and follows it", async (client) => {
  const aborting = new AbortController();
  let result;
  const talk = (content) => ({ model: "mini", messages: [{ role: "user", content }], options: { numPredict: 5 } });
  for await (const update of client.chat(talk("Hi"), { session: "new" })) result = update.result;
  const { id, version } = result.session;
  for await (const update of client.chat(talk("And?"), { session: id, sessionVersion: version })) result = update.result;
  assert.deepEqual([result.session.id, result.session.version], [id, version + 1n]);
  const seen = [];
  await assert.rejects(async () => {
    for await (const change of client.followSession(id, { after: 0n, signal: aborting.signal })) {
      seen.push(...(change.messages ?? []).map(({ content }) => content));
      if (change.version === Number(version) + 1) aborting.abort();
    }
  }, { name: "AbortError" });
  assert.deepEqual([seen.length, seen[0], seen[2]], [4, "Hi", "And?"]);
  await client.sessions.delete(id);
});
