// What is lost with a connection, and what is not: with a real gateway behind a way that is cut.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ChasquiClient } from "../dist/index.js";
import { startGateway } from "./gateway.js";
import { Proxy } from "./proxy.js";

let gateway;
let direct;
before(async () => {
  gateway = await startGateway();
  if (gateway.mcp !== undefined) direct = new ChasquiClient(gateway.mcp);
});
after(async () => {
  await direct?.close();
  await gateway.stop?.();
});

/** Runs a test with a client whose way can be cut. */
function overProxy(name, run) {
  test(`gateway that is cut off: ${name}`, async (t) => {
    if (gateway.skip) return t.skip(gateway.skip);
    if (gateway.mcp === undefined) return t.skip("the gateway does not tell its address for mcp");
    const proxy = await Proxy.start(gateway.mcp);
    const client = new ChasquiClient(proxy.address, { resume: true, backoffMs: 5 });
    try {
      await run(client, proxy, t);
    } finally {
      await client.close();
      await proxy.stop();
    }
  });
}

const request = { model: "mini", prompt: "Once upon a time", options: { numPredict: 12, temperature: 0, seed: 1 } };
const messages = (content) => [{ role: "user", content }];

async function read(generator) {
  let text = "";
  let tokens = 0;
  for await (const update of generator) {
    text += update.text;
    tokens = update.result?.completionTokens;
  }
  return { text, tokens };
}

overProxy("an answer that is cut after each number of updates is the uncut one", async (client, proxy) => {
  const whole = await read(direct.generate(request));
  assert.ok(whole.text.length > 0);
  let k = 0;
  for (; ; k++) {
    const before = proxy.connections;
    // A fresh connection for each, which ends after k frames of the answer.
    proxy.cut();
    proxy.cuts[before] = k;
    const ids = [];
    assert.deepEqual(await read(client.generate(request, { onGeneration: (id) => ids.push(id) })), whole, `cut after ${k}`);
    assert.equal(ids.length, 1);
    if (proxy.connections === before + 1) break;
    assert.equal(proxy.connections, before + 2);
  }
  assert.ok(k > 3, `${k} frames`);
});

overProxy("an answer whose every connection ends after one frame comes whole", async (client, proxy) => {
  const whole = await read(direct.generate(request));
  proxy.cuts = Array(100).fill(1);
  assert.deepEqual(await read(client.generate(request)), whole);
  assert.ok(proxy.connections > 3, `${proxy.connections} connections`);
});

overProxy("others read and end an answer that is kept", async (client) => {
  let id;
  const mine = client.generate({ ...request, options: { ...request.options, numPredict: 1_000 } }, { onGeneration: (told) => (id = told) });
  await mine.next();
  const theirs = direct.resume(id, 1);
  for (let i = 0; i < 3; i++) assert.equal((await theirs.next()).value.text, (await mine.next()).value.text);
  await theirs.return();
  assert.ok((await mine.next()).value.text.length > 0);
  await direct.cancelGeneration(id);
  // Unless it had ended before.
  await read(mine).catch((error) => assert.equal(error.code, "engine_failed"));
  await assert.rejects(read(direct.resume(id)), { code: "generation_not_found", status: 404 });
});

overProxy("a turn of a session that is cut is recorded once", async (client, proxy) => {
  const options = { session: "cut", sessionVersion: 0 };
  await direct.sessions.create({ id: "cut" });
  for (let k = 0; k < 4; k++) {
    proxy.cut();
    proxy.cuts[proxy.connections] = k;
    options.sessionVersion = (await direct.sessions.get("cut")).version;
    const { text } = await read(client.chat({ model: "mini", messages: messages(`turn ${k}`), options: request.options }, options));
    const session = await direct.sessions.get("cut");
    assert.deepEqual(session.messages.slice(-2).map(({ role, content }) => [role, content]), [["user", `turn ${k}`], ["assistant", text]]);
    assert.equal(session.message_count, 2 * (k + 1));
    assert.equal(session.version, options.sessionVersion + 1);
  }
});

overProxy("a follower misses nothing and sees nothing twice", async (client, proxy) => {
  await direct.sessions.create({ id: "followed", title: "one" });
  const changes = client.followSession("followed", { after: 0 });
  const seen = [];
  const see = async () => seen.push((await changes.next()).value);
  await see();
  for (let i = 0; i < 4; i++) {
    // Some are written while he is cut off, some while he is there.
    if (i % 2 === 0) proxy.cut();
    await direct.sessions.append("followed", messages(`turn ${i}a`));
    if (i % 2 === 1) proxy.cut();
    await direct.sessions.append("followed", messages(`turn ${i}b`));
    await see();
    await see();
  }
  let result;
  for await (const update of direct.chat({ model: "mini", messages: messages("and?"), options: request.options }, { session: "followed" })) result = update.result;
  await see();
  assert.equal(result.session.version, BigInt(seen.at(-1).version));
  await direct.sessions.update("followed", { title: "two", max_tokens: 100 });
  await see();
  await direct.sessions.delete("followed");
  await see();
  assert.equal((await changes.next()).done, true);
  assert.deepEqual(seen, [...seen].sort((a, b) => a.version - b.version));
  assert.deepEqual(seen.map(({ version }) => version), seen.map((_, index) => index + 1));
  assert.deepEqual(seen.map(({ kind }) => kind), ["created", ...Array(9).fill("appended"), "updated", "deleted"]);
  assert.deepEqual(seen.slice(1, 9).map((one) => one.messages[0].content), ["0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b"].map((n) => `turn ${n}`));
  assert.deepEqual([seen[0].settings.title, seen.at(-2).settings.title, seen.at(-2).settings.max_tokens], ["one", "two", 100]);
  assert.ok(proxy.connections >= 5);
});
