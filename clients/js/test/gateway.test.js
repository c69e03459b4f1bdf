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
