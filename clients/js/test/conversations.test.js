import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Connection, errorName } from "../dist/wire.js";
import { frame, Peer, type } from "./peer.js";

const { hello, conversations } = JSON.parse(readFileSync(new URL("../../../docs/protocol/conversations.json", import.meta.url), "utf8"));
const op = [{ name: "op", value: "test" }];
const hex = (value) => Buffer.from(value).toString("hex");
const lower = (name) => name.toLowerCase();
const settingNames = { max_streams: "maxStreams", stream_credit: "streamCredit", max_header_list: "maxHeaderList", header_table: "headerTable" };

/** What the application sees of a stream. */
async function read(stream) {
  const seen = { messages: [] };
  try {
    for (let message = await stream.read(); message !== undefined; message = await stream.read()) seen.messages.push(hex(message));
  } catch (error) {
    seen.failed = error.wireCode === undefined ? error.code : errorName(error.wireCode);
  }
  return seen;
}

for (const vector of conversations.filter((each) => each.held === "connector")) {
  test(`conversation: ${vector.name}`, async () => {
    const peer = new Peer();
    const settings = Object.fromEntries(Object.entries(vector.settings ?? {}).map(([name, value]) => [settingNames[name], value]));
    const opening = Connection.start(peer.transport, { settings });
    opening.catch(() => {});
    await peer.next(type.hello);
    if (vector.hello !== false) peer.send(Buffer.from(hello, "hex"));
    const connection = vector.hello === false ? undefined : await opening;
    const reading = new Map();
    for (const { stream: id, end } of vector.opens ?? []) {
      const stream = connection.open(op, { end });
      assert.equal(stream.id, id);
      reading.set(id, read(stream));
    }
    for (const step of vector.steps) peer.send(Buffer.from(step.in, "hex"));

    const { goodbye, closed, streams = {} } = vector.expect;
    if (goodbye !== undefined) {
      const said = await peer.next(type.goodbye);
      assert.equal(errorName(said.code), lower(goodbye), said.reason);
    } else if (closed !== undefined) {
      await assert.rejects(connection?.closed.then((error) => Promise.reject(error)) ?? opening, { code: lower(closed) });
      assert.ok(!peer.frames.some(({ kind }) => kind === type.goodbye));
    } else {
      peer.send(frame(type.heartbeat, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]));
    }
    if (goodbye !== undefined || closed !== undefined) assert.equal(peer.closed, true);
    for (const [id, expected] of Object.entries(streams)) {
      if (expected.reset !== undefined) {
        const reset = await peer.next(type.reset);
        assert.equal(reset.stream, Number(id));
        assert.equal(errorName(reset.code), lower(expected.reset));
      }
      if (!reading.has(Number(id))) continue;
      const seen = await reading.get(Number(id));
      if (expected.messages !== undefined) assert.deepEqual(seen.messages, expected.messages);
      assert.equal(seen.failed, expected.failed && lower(expected.failed));
    }
    if (goodbye === undefined && closed === undefined) {
      const answer = await peer.next(type.heartbeat);
      assert.equal(answer.payload[0], 1);
      await connection.close();
    }
  });
}
